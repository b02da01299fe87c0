/** `make install`: the chart into the cluster of $KUBECONFIG. Further arguments go to Helm. */
import { installChart } from "./install.ts";

const kubeconfig = process.env["KUBECONFIG"];
if (kubeconfig) {
  try {
    await installChart({ kubeconfig, helmArgs: process.argv.slice(2) });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} else {
  process.stderr.write(
    'KUBECONFIG names no cluster. For the local one: make cluster, then eval "$(make -s cluster-env)".\n',
  );
  process.exitCode = 2;
}
