// The program inside the demo's own images. The argument is the role: load, loadtester, frontend or faulty.
import { faultIn, runFaulty } from "./faulty.ts";
import { runFrontend } from "./frontend.ts";
import { runLoad } from "./load.ts";
import { runLoadTester } from "./load-tester.ts";

const DEFAULT_RATE = 50;
/** Longer than a busy machine takes to answer: what is cut off by it was never going to be answered. */
const DEFAULT_DEADLINE_MS = 30_000;

const url = process.env["TARGET"] ?? "http://podinfo:9898";

switch (process.argv[2] ?? "") {
  case "load":
    runLoad({
      url,
      paths: process.env["PATHS"] ?? "/",
      rate: Number(process.env["RATE"] ?? DEFAULT_RATE),
      deadlineMs: Number(process.env["DEADLINE_MS"] ?? DEFAULT_DEADLINE_MS),
    });
    break;
  case "loadtester":
    runLoadTester();
    break;
  case "frontend":
    runFrontend(url);
    break;
  case "faulty":
    runFaulty(faultIn(process.env));
    break;
  default:
    process.stderr.write("The first argument must be load, loadtester, frontend or faulty.\n");
    process.exitCode = 2;
}
