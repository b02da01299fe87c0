// `kubectl get -o json` within this process. Tests look many times a second while they wait, and each kubectl that is started takes
// a tenth of a second of a core: on two cores those looks kept the very pods waiting that they were looking for.
import { callApi } from "./api.ts";
import { requireState, type ClusterState } from "./state.ts";

interface Resource {
  readonly resource: string;
  readonly singularResource?: string;
  readonly shortNames?: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  readonly responseKind: { readonly kind: string };
}

interface Served extends Resource {
  readonly group: string;
  readonly version: string;
}

interface Discovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly { readonly version: string; readonly resources: readonly Resource[] }[];
  }[];
}

interface ApiObject {
  readonly metadata: { managedFields?: unknown };
}

/** What is asked for, as kubectl's words say it. */
interface Query {
  readonly words: readonly string[];
  readonly namespace: string | undefined;
  readonly labels: string | undefined;
  readonly fields: string | undefined;
  readonly showsManagedFields: boolean;
}

const flags: Record<string, keyof Query> = {
  "-n": "namespace",
  "--namespace": "namespace",
  "-l": "labels",
  "--selector": "labels",
  "--field-selector": "fields",
};

function parse(args: readonly string[]): Query {
  const found: Record<string, string | undefined> = { namespace: "default" };
  const words: string[] = [];
  let showsManagedFields = false;
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    const flag = flags[arg];
    if (flag) found[flag] = args[(at += 1)];
    else if (arg === "-A") found["namespace"] = undefined;
    else if (arg === "--show-managed-fields") showsManagedFields = true;
    else if (arg.startsWith("-")) throw new Error(`getJson does not know ${arg}: ask kubectl itself`);
    else words.push(...arg.split("/"));
  }
  return {
    words,
    namespace: found["namespace"],
    labels: found["labels"],
    fields: found["fields"],
    showsManagedFields,
  };
}

let known: Promise<readonly Served[]> | undefined;

async function discover(state: ClusterState): Promise<readonly Served[]> {
  const answers = await Promise.all(["/api", "/apis"].map((path) => read<Discovery>(state, path)));
  // Of several versions the first is the one that the API server prefers, as kubectl does.
  return answers.flatMap(({ items }) =>
    items.flatMap(({ metadata: { name: group = "" }, versions }) =>
      versions.flatMap(({ version, resources }) => resources.map((one) => ({ ...one, group, version }))),
    ),
  );
}

const isNamed = (name: string) => (one: Served) => {
  const names = [one.resource, one.singularResource, ...(one.shortNames ?? [])];
  return names.includes(name) || name === `${one.resource}.${one.group}`;
};

/** Asks anew what the API server serves when the name is not known: it may have come since. */
async function resource(state: ClusterState, name: string): Promise<Served> {
  const before = (await known?.catch(() => []))?.find(isNamed(name));
  if (before) return before;
  known = discover(state);
  const found = (await known).find(isNamed(name));
  if (!found) throw new Error(`the API server has no resource "${name}"`);
  return found;
}

async function read<T>(state: ClusterState, path: string): Promise<T> {
  const { status, body } = await callApi(state, "GET", path);
  if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${body.slice(0, 300)}`);
  return JSON.parse(body) as T;
}

/** Path and query of what is asked for, as the API server has them. */
function pathOf(
  { resource: plural, scope, group, version }: Served,
  { words, namespace, labels, fields }: Query,
): string {
  const root = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const place = scope === "Namespaced" && namespace ? `/namespaces/${namespace}` : "";
  const search = new URLSearchParams({
    ...(labels && { labelSelector: labels }),
    ...(fields && { fieldSelector: fields }),
  });
  const [, name] = words;
  return `${root}${place}/${plural}${name ? `/${name}` : `?${search.toString()}`}`;
}

async function readKind<T>(state: ClusterState, kind: string, query: Query): Promise<T> {
  const served = await resource(state, kind);
  const answer = await read<ApiObject & { items?: ApiObject[] }>(state, pathOf(served, query));
  const objects = answer.items ?? [answer];
  if (!query.showsManagedFields) for (const { metadata } of objects) delete metadata.managedFields;
  // A list's items do not say what they are.
  const { group, version, responseKind } = served;
  const type = { apiVersion: group ? `${group}/${version}` : version, kind: responseKind.kind };
  return (answer.items ? { ...answer, items: answer.items.map((item) => ({ ...type, ...item })) } : answer) as T;
}

/**
 * The object or list that `kubectl get <args> -o json` prints; the caller names the type. Knows `-n`, `-A`, `-l` and
 * `--field-selector`. Throws with the API server's words when there is no such object.
 */
export async function getJson<T>(args: readonly string[]): Promise<T> {
  const state = await requireState();
  const query = parse(args);
  const kinds = query.words[0]?.split(",") ?? [];
  if (kinds.length === 1) return readKind<T>(state, kinds[0] ?? "", query);
  const lists = await Promise.all(kinds.map((kind) => readKind<{ items: unknown[] }>(state, kind, query)));
  return { items: lists.flatMap(({ items }) => items) } as T;
}
