/** Objects for programs to read. */
import type { Output } from "../context.ts";

export const outputFormats = ["text", "wide", "json", "yaml", "name"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One object of many that follow each other: a line of JSON, a document of YAML, a name. */
export async function printLine(view: { name: string }, format: OutputFormat, stream: Output): Promise<void> {
  if (format === "json") stream.write(`${JSON.stringify(view)}\n`);
  else if (format === "yaml") {
    stream.write("---\n");
    await printObject(view, format, stream);
  } else stream.write(`canary.flagger.app/${view.name}\n`);
}

/** Control characters stay: JSON and YAML escape them. What is not known is null, and not left out. */
export async function printObject(value: unknown, format: "json" | "yaml", stream: Output): Promise<void> {
  const json = JSON.stringify(value, (_key, one: unknown) => (one === undefined ? null : one), 2);
  if (format === "json") {
    stream.write(`${json}\n`);
    return;
  }
  const { toYaml } = await import("./yaml.ts");
  stream.write(toYaml(JSON.parse(json)));
}
