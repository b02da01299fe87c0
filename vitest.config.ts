import { defineConfig } from "vitest/config";

const onCluster = { testTimeout: 300_000, hookTimeout: 300_000 };
const oneByOne = { fileParallelism: false, sequence: { concurrent: false } };

/** These have an API server of their own, and need nothing of the cluster. */
const apart = [
  "test/{kube,metrics,plugin,safety}/**/*.cluster.test.ts",
  "test/admission/certificates/**/*.cluster.test.ts",
];

export default defineConfig({
  test: {
    // Tests wait for pods and scrapes more than they compute, but three files at a time kept users' requests waiting on two cores.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{shared,webhook,plugin,build,test}/**/*.unit.test.ts"],
          // For what hangs: a busy machine needs more than 20 s for the longest.
          testTimeout: 120_000,
          // No module keeps state, so the files may share them: importing all of them anew for each costs half of the time.
          isolate: false,
        },
      },
      { test: { name: "cluster", include: ["test/**/*.cluster.test.ts"], exclude: apart, ...onCluster } },
      // At low priority beside the two above and below, so one file at a time.
      { test: { name: "apart", include: apart, ...onCluster, ...oneByOne } },
      { test: { name: "alone", include: ["test/**/*.alone.test.ts"], ...onCluster, ...oneByOne } },
      {
        test: {
          name: "long",
          include: ["test/long/**/*.long.test.ts"],
          ...onCluster,
          testTimeout: 1_200_000,
          ...oneByOne,
        },
      },
    ],
  },
});
