// Says whether the cluster runs, component by component.
import { callApi } from "./api.ts";
import { componentNames } from "./parts/components.ts";
import { isAlive } from "./machine/processes.ts";
import type { ClusterState } from "./state.ts";

/** True when the last start was completed, every process runs and the API server answers. */
export async function isHealthy(state: ClusterState): Promise<boolean> {
  if (!state.ready) return false;
  const alive = await Promise.all(componentNames.map((name) => isAlive(state.processes[name])));
  return alive.every(Boolean) && (await apiAnswers(state));
}

async function apiAnswers(state: ClusterState): Promise<boolean> {
  return callApi(state, "GET", "/readyz").then(
    ({ status }) => status === 200,
    () => false,
  );
}

/** One line per component, and one for the API server. */
export async function describe(state: ClusterState): Promise<string[]> {
  const lines = componentNames.map(async (name) => {
    const known = state.processes[name];
    const text = !known ? "stopped" : (await isAlive(known)) ? `running, process ${known.pid}` : "ended by itself";
    return `${name.padEnd(24)} ${text}`;
  });
  const api = (await apiAnswers(state)) ? "ready" : "does not answer";
  return [...(await Promise.all(lines)), `${"API".padEnd(24)} ${api}`];
}
