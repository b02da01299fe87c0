// The program inside the demo's own image. The argument is the role: load or frontend.
import { runFrontend } from "./frontend.ts";
import { runLoad } from "./load.ts";

const DEFAULT_RATE = 50;
const DEFAULT_DEADLINE_MS = 5000;

const url = process.env["TARGET"] ?? "http://podinfo:9898";

switch (process.argv[2] ?? "") {
  case "load":
    runLoad({
      url,
      rate: Number(process.env["RATE"] ?? DEFAULT_RATE),
      deadlineMs: Number(process.env["DEADLINE_MS"] ?? DEFAULT_DEADLINE_MS),
    });
    break;
  case "frontend":
    runFrontend(url);
    break;
  default:
    process.stderr.write("The first argument must be load or frontend.\n");
    process.exitCode = 2;
}
