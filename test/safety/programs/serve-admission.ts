/** Admission in a process of its own: nothing that its caller is busy with makes it late. Tells its caller where it listens. */
import { serveAdmission, type Serving } from "../admission.ts";

const [ownAccount = ""] = process.argv.slice(2);
const { port, authority } = await serveAdmission(ownAccount, []);
const serving: Serving = { port, authority };
process.send?.(serving);
process.once("disconnect", () => process.exit());
