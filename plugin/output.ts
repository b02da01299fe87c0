/** Objects for programs to read. */
import type { Output } from "./deps.ts";

export const outputFormats = ["text", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** Control characters stay: JSON and YAML escape them. */
export async function printObject(value: unknown, format: "json" | "yaml", stream: Output): Promise<void> {
  if (format === "json") {
    stream.write(`${JSON.stringify(value, undefined, 2)}\n`);
    return;
  }
  const { toYaml } = await import("./yaml.ts");
  stream.write(toYaml(value));
}
