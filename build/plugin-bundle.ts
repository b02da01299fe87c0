/** Bundles the plugin into one CommonJS file that any Node from 20.19 on runs, and that starts fast. */
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build as bundle, type BuildOptions, type Plugin } from "esbuild";
import { bundlePage } from "./dashboard-page.ts";

const root = join(import.meta.dirname, "..");
const substitute = (name: string): string => join(root, "build", "substitutes", name);

/** Packages that import more than we use of them. Each import is replaced in that package only. */
const leaner: Plugin = {
  name: "leaner",
  setup(build) {
    // Its requests go through shared/kube, and it does not load on Node 20.
    build.onResolve({ filter: /^undici$/ }, () => ({ path: substitute("undici.ts") }));
    build.onResolve({ filter: /\/gen\/index\.js$/ }, ({ importer }) =>
      /client-node\/dist\/(config|portforward)\.js$/.test(importer)
        ? { path: substitute("client-node-models.ts") }
        : undefined,
    );
    build.onResolve({ filter: /^string-width$/ }, ({ importer }) =>
      /node_modules\/(yargs|cliui|wrap-ansi)\//.test(importer) ? { path: substitute("string-width.ts") } : undefined,
    );
  },
};

/** The bundle reads no file beside itself, so `import.meta.url` may be any name. */
const here = "bundleUrl";

export async function bundlePlugin(common: BuildOptions, outfile: string): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  await bundle({
    ...common,
    entryPoints: [join(root, "plugin", "main.ts")],
    outfile,
    target: "node20",
    format: "cjs",
    minify: true,
    keepNames: false,
    plugins: [leaner],
    define: { ...common.define, "import.meta.url": here, PAGE_ASSETS: JSON.stringify(await bundlePage()) },
    banner: { js: `#!/usr/bin/env node\nconst ${here} = "file:///kubectl-canary.cjs";` },
  });
  await chmod(outfile, 0o755);
}
