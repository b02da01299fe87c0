// Command line of the demo app and the stand-in mesh: install, images, remove.
import { installMesh } from "../mesh/install.ts";
import { importAppImages, installApp, removeApp } from "./install.ts";

const usage = `Usage: node test/app/main.ts <command>
  install [namespace]   the stand-in mesh, the images and the app (namespace: test)
  images                only the stand-in mesh and the images
  remove [namespace]    the app, with its namespace
`;

async function main(command: string, namespace: string): Promise<number> {
  switch (command) {
    case "install":
      await installMesh();
      await importAppImages();
      await installApp(namespace);
      process.stderr.write(`podinfo, load and frontend run in namespace ${namespace}, in the stand-in mesh.\n`);
      return 0;
    case "images":
      await installMesh();
      await importAppImages();
      return 0;
    case "remove":
      await removeApp(namespace);
      return 0;
    default:
      process.stderr.write(usage);
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv[2] ?? "", process.argv[3] ?? "test");
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
