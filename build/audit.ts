/**
 * Known vulnerabilities of what is shipped, asked of the npm registry. `--report` only says them: an advisory of today must not stop a
 * change that has nothing to do with it, and a machine without network has no answer at all. Without it, one of high severity fails.
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";

export interface Verdict {
  text: string;
  /** Undefined: not known. */
  isSound?: boolean;
}

interface Answer {
  message?: string;
  error?: { code?: string; summary?: string };
  metadata?: { vulnerabilities?: Record<string, number> };
  vulnerabilities?: Record<
    string,
    { name: string; severity: string; via: (string | { title: string; url: string })[] }
  >;
}

const severe = new Set(["high", "critical"]);

/** What `npm audit --json` printed. */
export function verdictOf(printed: string): Verdict {
  const answer = parsed(printed);
  if (!answer?.vulnerabilities) {
    return { text: `npm audit: the registry could not be asked (${whyNot(answer)}), so nothing is known.` };
  }
  const found = Object.values(answer.vulnerabilities);
  if (found.length === 0) return { text: "npm audit: no advisory about what is shipped.", isSound: true };
  const lines = found.map(({ name, severity, via }) => {
    const titles = via.flatMap((one) => (typeof one === "string" ? [] : [`${one.title} (${one.url})`]));
    return `  ${severity}: ${name}${titles.length > 0 ? `, ${titles.join("; ")}` : ""}`;
  });
  const bad = found.filter(({ severity }) => severe.has(severity)).length;
  const head = `npm audit: ${found.length} advisories about what is shipped, ${bad} of them high or critical.`;
  return { text: [head, ...lines].join("\n"), isSound: bad === 0 };
}

// --- internal ---

function whyNot({ error, message }: Answer = {}): string {
  return error?.summary || error?.code || message || "no answer";
}

function parsed(printed: string): Answer | undefined {
  try {
    return JSON.parse(printed) as Answer;
  } catch {
    return undefined;
  }
}

/** npm's exit code says that there are advisories, or that it could not ask: what it printed says which. */
function audit(): Promise<string> {
  const args = ["audit", "--omit=dev", "--json", "--fetch-retries=0"];
  return new Promise((resolve) => {
    execFile("npm", args, { timeout: 60_000, maxBuffer: 2 ** 26 }, (_error, stdout) => resolve(stdout));
  });
}

async function main(): Promise<void> {
  const { text, isSound } = verdictOf(await audit());
  process.stdout.write(`${text}\n`);
  if (!process.argv.includes("--report") && isSound !== true) process.exitCode = 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
