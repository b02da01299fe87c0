/** All verbs, in the order of the help text. */
import type { Verb } from "./verb.ts";
import { completionVerb } from "./verbs/setup/completion.ts";
import { dashboardVerb } from "./verbs/dashboard.ts";
import { diffVerb } from "./verbs/diff.ts";
import { doctorVerb } from "./verbs/setup/doctor.ts";
import { explainVerb } from "./verbs/explain.ts";
import { eventsVerb, historyVerb } from "./verbs/history.ts";
import { initVerb } from "./verbs/setup/init.ts";
import { listVerb } from "./verbs/list.ts";
import { migrateVerb } from "./verbs/migrate.ts";
import { adoptVerb, pauseVerb, promoteVerb, resumeVerb, retryVerb, rollbackVerb } from "./verbs/operate.ts";
import { planVerb } from "./verbs/setup/plan.ts";
import { statsVerb } from "./verbs/stats.ts";
import { statusVerb } from "./verbs/status.ts";
import { undoVerb } from "./verbs/undo.ts";
import { versionVerb } from "./verbs/setup/version.ts";
import { waitVerb } from "./verbs/wait.ts";
import { watchVerb } from "./verbs/watch.ts";

export const verbs: readonly Verb[] = [
  // Look.
  statusVerb,
  listVerb,
  statsVerb,
  explainVerb,
  watchVerb,
  dashboardVerb,
  historyVerb,
  diffVerb,
  eventsVerb,
  waitVerb,
  // Steer.
  promoteVerb,
  rollbackVerb,
  pauseVerb,
  resumeVerb,
  retryVerb,
  adoptVerb,
  undoVerb,
  // The plugin and the installation.
  doctorVerb,
  initVerb,
  migrateVerb,
  planVerb,
  versionVerb,
  completionVerb,
];
