/**
 * What the self-contained executable runs first: the plugin out of its own assets, together with the code that V8 had made of
 * it when it was built. If V8 does not take that code, it makes it anew, and the start is merely slower.
 */
import { getAsset, getRawAsset } from "node:sea";
import { Script } from "node:vm";
import { assets, wrapped } from "./assets.ts";

const code = new Uint8Array(getRawAsset(assets.code));
const script = new Script(wrapped(getAsset(assets.source, "utf8")), {
  filename: assets.source,
  ...(code.length > 0 ? { cachedData: code } : {}),
});
(script.runInThisContext() as (load: NodeJS.Require) => void)(require);
