import { defineConfig } from "vitest/config";

const onCluster = { testTimeout: 300_000, hookTimeout: 300_000 };
const oneByOne = { fileParallelism: false, sequence: { concurrent: false } };

export default defineConfig({
  test: {
    // Tests wait for pods and scrapes more than they compute, but three files at a time kept users' requests waiting on two cores.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{shared,webhook,plugin,build,test}/**/*.unit.test.ts"],
          testTimeout: 20_000,
          // No module keeps state, so the files may share them: importing all of them anew for each costs half of the time.
          isolate: false,
        },
      },
      { test: { name: "cluster", include: ["test/**/*.cluster.test.ts"], ...onCluster } },
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
