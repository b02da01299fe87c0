/** The page's own files. The build puts them into the plugin; a plugin that runs from its sources has none. */
import { Refusal } from "../errors.ts";

export interface PageAssets {
  html: string;
  script: string;
  style: string;
  icon: string;
}

/** Put in by the build. */
declare const PAGE_ASSETS: PageAssets | undefined;

export function pageAssets(): PageAssets {
  if (typeof PAGE_ASSETS === "object") return PAGE_ASSETS;
  throw new Refusal("The page is part of the built plugin only. Build it:\n  make plugin");
}
