/** A cluster whose every call passes a gate, which may count it, hold it back, or break it off: how controllers die and freeze. */
import type { Cluster, Selection } from "../../shared/kube/cluster.ts";
import { CanaryError } from "../../shared/kube/errors.ts";
import type { Resource } from "../../shared/kube/resources.ts";

export interface Call {
  verb: "get" | "list" | "create" | "replace" | "patch" | "delete";
  plural: string;
  subresource?: string;
}

export interface Gate {
  /** `send` makes the call; what the gate returns or throws is what the caller gets. */
  pass<T>(call: Call, send: () => Promise<T>): Promise<T>;
  /** Aborts when nothing passes any more, watches included. */
  closed: AbortSignal;
}

/** As its owner sees it: only one namespace (all of them where it is empty), and every call through the gate. Leases pass as long as the gate is not closed. */
export function through(cluster: Cluster, namespace: string, gate: Gate): Cluster {
  const within = <Q extends Selection>(r: Resource, q: Q): Q =>
    r.clusterScoped || q.namespace !== undefined || namespace === "" ? q : { ...q, namespace };
  const pass = <T>(verb: Call["verb"], r: Resource, send: () => Promise<T>, subresource?: string): Promise<T> => {
    if (gate.closed.aborted) return Promise.reject(gone());
    if (r.plural === "leases") return send();
    return gate.pass({ verb, plural: r.plural, ...(subresource ? { subresource } : {}) }, send);
  };
  const open = async <T>(send: () => Promise<T>): Promise<T> => {
    if (gate.closed.aborted) throw gone();
    return send();
  };
  return {
    get: (r, at) => pass("get", r, () => cluster.get(r, at)),
    list: (r, q = {}) => pass("list", r, () => cluster.list(r, within(r, q))),
    create: (r, object, o) => pass("create", r, () => cluster.create(r, object, o)),
    replace: (r, object, o) => pass("replace", r, () => cluster.replace(r, object, o), o?.subresource),
    patch: (r, at, p) => pass("patch", r, () => cluster.patch(r, at, p), at.subresource),
    delete: (r, at, o) => pass("delete", r, () => cluster.delete(r, at, o)),
    raw: (method, path, body) => open(() => cluster.raw(method, path, body)),
    async *pages(r, q = {}) {
      if (gate.closed.aborted) throw gone();
      yield* cluster.pages(r, within(r, q));
    },
    async *watch(r, q, signal) {
      if (gate.closed.aborted) throw gone();
      yield* cluster.watch(r, within(r, q), AbortSignal.any([signal, gate.closed]));
    },
  };
}

export const isWrite = ({ verb }: Call): boolean => verb !== "get" && verb !== "list";

export const wordsOf = ({ verb, plural, subresource }: Call): string =>
  `${verb} ${plural}${subresource ? `/${subresource}` : ""}`;

/** Lets everything pass, and remembers what did. */
export class Passing implements Gate {
  readonly calls: Call[] = [];
  private readonly end = new AbortController();

  get closed(): AbortSignal {
    return this.end.signal;
  }

  pass<T>(call: Call, send: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    return send();
  }

  close(): void {
    this.end.abort();
  }
}

/** One of a process's calls: the n-th of those that `among` names. */
export interface Nth {
  among: (call: Call) => boolean;
  nth: number;
}

export const any = (): boolean => true;
export const calling =
  (words: string) =>
  (call: Call): boolean =>
    wordsOf(call) === words;

/** The process dies when the n-th call has reached the API server: its answer is never seen, and nothing is sent any more. */
export class Mortal implements Gate {
  /** The call that it died of. */
  readonly died: Promise<Call>;
  private count = 0;
  private readonly after: Nth;
  private readonly end = new AbortController();
  private die: (call: Call) => void = () => undefined;

  constructor(after: Nth) {
    this.after = after;
    this.died = new Promise((resolve) => (this.die = resolve));
  }

  get closed(): AbortSignal {
    return this.end.signal;
  }

  async pass<T>(call: Call, send: () => Promise<T>): Promise<T> {
    // Others that are under way when it dies reach the API server as well, or not: both happen.
    if (this.count === this.after.nth) throw gone();
    if (this.after.among(call)) this.count += 1;
    if (this.count < this.after.nth) return send();
    await send().catch(() => undefined);
    this.end.abort();
    this.die(call);
    throw gone();
  }
}

/** Stops in the middle of the n-th write: it is sent only when the process is let go on, and is its last. */
export class Frozen implements Gate {
  /** The write that it is about to send. */
  readonly frozen: Promise<Call>;
  private count = 0;
  private readonly before: Nth;
  private readonly end = new AbortController();
  private readonly thawed: Promise<void>;
  private thaw: () => void = () => undefined;
  private freeze: (call: Call) => void = () => undefined;
  isFrozen = false;
  private settle: (error: unknown) => void = () => undefined;
  private readonly outcome: Promise<unknown>;

  constructor(before: Nth) {
    this.before = before;
    this.frozen = new Promise((resolve) => (this.freeze = resolve));
    this.thawed = new Promise((resolve) => (this.thaw = resolve));
    this.outcome = new Promise((resolve) => (this.settle = resolve));
  }

  get closed(): AbortSignal {
    return this.end.signal;
  }

  async pass<T>(call: Call, send: () => Promise<T>): Promise<T> {
    if (this.isFrozen) return this.later();
    if (this.before.among(call)) this.count += 1;
    if (this.count < this.before.nth) return send();
    this.isFrozen = true;
    this.freeze(call);
    await this.thawed;
    this.settle(
      await send().then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    this.end.abort();
    throw gone();
  }

  /** Sends the write; resolves with what the API server had against it, or undefined. */
  resume(): Promise<unknown> {
    this.thaw();
    return this.outcome;
  }

  private async later(): Promise<never> {
    await this.outcome;
    throw gone();
  }
}

// --- internal ---

function gone(): CanaryError {
  return new CanaryError("Unreachable", "This process is no more.");
}
