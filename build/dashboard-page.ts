/** The dashboard's page, as texts that the plugin's bundle carries: it serves no file, and loads nothing from outside. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build, transform } from "esbuild";
import type { PageAssets } from "../plugin/dashboard/page-assets.ts";

const folder = join(import.meta.dirname, "..", "plugin", "dashboard", "page");

export async function bundlePage(): Promise<PageAssets> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), "utf8");
  const [bundled, style, html, icon] = await Promise.all([
    build({
      entryPoints: [join(folder, "main.tsx")],
      bundle: true,
      write: false,
      minify: true,
      target: ["chrome115", "firefox115", "safari17"],
      format: "iife",
      jsx: "automatic",
      jsxImportSource: "preact",
      legalComments: "none",
      logLevel: "warning",
    }),
    read("page.css"),
    read("index.html"),
    read("icon.svg"),
  ]);
  const { code } = await transform(style, { loader: "css", minify: true });
  return { html, script: bundled.outputFiles[0]?.text ?? "", style: code, icon };
}
