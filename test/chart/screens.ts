/** The chart's dashboards and alert rules as Grafana and Prometheus are given them: their queries, and what an import must find. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { load } from "js-yaml";
import { repository } from "../cluster/layout.ts";

const files = join(repository, "charts", "kubectl-canary", "files");

export interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

/** By the file's name. */
export async function dashboards(): Promise<[file: string, board: unknown][]> {
  const names = (await readdir(join(files, "dashboards"))).sort();
  const read = async (name: string): Promise<[string, unknown]> => [
    name,
    JSON.parse(await readFile(join(files, "dashboards", name), "utf8")),
  ];
  return Promise.all(names.map(read));
}

export async function alertRules(): Promise<Rule[]> {
  const { groups } = load(await readFile(join(files, "alert-rules.yaml"), "utf8")) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** Every query of a dashboard that was found to be sound, its variables' too, with where it stands. */
export function queriesOf(board: unknown): { where: string; expr: string }[] {
  const { panels, templating } = board as Board;
  const asked = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, refId }) => ({ where: `${title} ${refId}`, expr })),
  );
  const chosen = templating.list.flatMap(({ name, definition }) =>
    definition === undefined ? [] : [{ where: `variable ${name}`, expr: seriesOf(definition) }],
  );
  return [...asked, ...chosen];
}

/** With Grafana's variables filled in. */
export function filledIn(expr: string, variables: Readonly<Record<string, string>>): string {
  return Object.entries({ __rate_interval: "1m", ...variables }).reduce(
    (text, [name, value]) => text.replaceAll(`$${name}`, value),
    expr,
  );
}

/** Names of the controller's metrics in a query. */
export function ownMetricsIn(expr: string): string[] {
  return expr.match(/\b(?:flagger|kubectl_canary)_[a-z_]+/g) ?? [];
}

/** What an import needs, and would not say that it misses; none where it has it all. */
export function faultsOf(board: unknown): string[] {
  const { panels, templating } = board as Board;
  const sources = templating.list.flatMap(({ type, name }) => (type === "datasource" ? `\${${name}}` : []));
  return [
    ...boardFaults(board as Board),
    ...repeated(panels.map(({ id }) => id)).map((id) => `two panels have the id ${id}`),
    ...panels.flatMap((panel) => panelFaults(panel, sources).map((fault) => `${panel.title}: ${fault}`)),
    ...overlaps(panels),
    ...undeclared(board as Board),
  ];
}

// --- internal ---

interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

interface Source {
  type: string;
  uid: string;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: Place;
  datasource?: Source;
  description?: string;
  fieldConfig?: { defaults: object; overrides: unknown[] };
  options?: object;
  targets?: { refId: string; expr: string; datasource: Source }[];
}

interface Board {
  uid: string;
  title: string;
  schemaVersion: number;
  time: { from: string; to: string };
  links: unknown[];
  panels: Panel[];
  templating: { list: { name: string; type: string; definition?: string }[] };
}

/** Panels that every Grafana since 9 brings along. */
const drawn = ["stat", "timeseries", "table"];

/** The words of each rule that does not hold. */
const broken = (rules: readonly (readonly [holds: boolean, fault: string])[]): string[] =>
  rules.flatMap(([holds, fault]) => (holds ? [] : [fault]));

function boardFaults(board: Board): string[] {
  const { uid, title, schemaVersion, time, links } = board;
  return broken([
    [/^[a-z-]{1,40}$/.test(uid), "its uid is not of 1 to 40 letters"],
    [title !== "", "it has no title"],
    [schemaVersion >= 36, "its schemaVersion is older than Grafana 9's"],
    [typeof time.from === "string" && typeof time.to === "string", "it has no time"],
    [!("id" in board), "it has an id, which is for the database to give"],
    [Array.isArray(links), "it has no list of links"],
  ]);
}

function panelFaults(panel: Panel, sources: readonly string[]): string[] {
  const { type, gridPos, targets = [], datasource, fieldConfig, options, description } = panel;
  const { x, y, w, h } = gridPos;
  const isWhole = [x, y, w, h].every(Number.isInteger) && Math.min(x, y) >= 0 && Math.min(w, h) > 0;
  const place = broken([[isWhole && x + w <= 24, "lies outside of the 24 columns"]]);
  if (type === "row") return place;
  const asked = [datasource, ...targets.map((target) => target.datasource)];
  const isSource = (one?: Source): boolean => one?.type === "prometheus" && sources.includes(one.uid);
  return [
    ...place,
    ...broken([
      [drawn.includes(type), `${type} is no panel of Grafana's own`],
      [description !== undefined, "has no description"],
      [fieldConfig !== undefined && Array.isArray(fieldConfig.overrides), "has no field config"],
      [options !== undefined, "has no options"],
      [targets.length > 0 && targets.every(({ expr }) => expr !== ""), "asks nothing"],
      [repeated(targets.map(({ refId }) => refId)).length === 0, "has two queries of one refId"],
      [asked.every(isSource), "asks another source than a variable's"],
    ]),
  ];
}

function undeclared(board: Board): string[] {
  const declared = ["__rate_interval", ...board.templating.list.map(({ name }) => name)];
  return queriesOf(board).flatMap(({ where, expr }) => {
    const used = [...expr.matchAll(/\$(\w+)/g)].map(([, name = ""]) => name);
    return used.filter((name) => !declared.includes(name)).map((name) => `${where}: $${name} is no variable`);
  });
}

function overlaps(panels: readonly Panel[]): string[] {
  const cross = ({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  return panels.flatMap((one, index) =>
    panels
      .slice(index + 1)
      .filter((other) => cross(one, other))
      .map((other) => `${one.title} lies over ${other.title}`),
  );
}

const repeated = <T>(values: readonly T[]): T[] => values.filter((value, index) => values.indexOf(value) !== index);

/** Of `label_values(SERIES, LABEL)`, those that have the label. */
function seriesOf(definition: string): string {
  const [, series = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
  return `count by (${label}) (${series})`;
}
