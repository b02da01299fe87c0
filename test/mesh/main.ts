// The one program of the stand-in mesh, bundled into its image. The argument is the role.
// This is not Linkerd: it stands in for Linkerd's data plane on a test cluster, where that cannot be had.
import { runControl } from "./control/control.ts";
import { awaitProxy, runProxy } from "./proxy/proxy.ts";
import { runInit } from "./proxy/redirect.ts";

const roles: Record<string, () => void | Promise<void>> = {
  proxy: () => runProxy(process.env),
  init: () => runInit(process.env),
  await: awaitProxy,
  control: () => runControl(process.env),
};

async function main(name: string): Promise<void> {
  const role = roles[name];
  if (!role) throw new Error(`No role "${name}"; there are: ${Object.keys(roles).join(", ")}.`);
  await role();
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
