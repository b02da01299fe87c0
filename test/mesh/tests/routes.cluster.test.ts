// HTTPRoutes with conditions, filters and timeouts, as Linkerd was seen to obey and not to obey them.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { unmet, waitFor } from "../../cluster/wait.ts";
import { askFrom, type Answer, type Ask } from "./inside.ts";
import { apply } from "./leaves.ts";
import { Place } from "./place.ts";

const namespace = "mesh-routes";
const url = "http://podinfo:9898/";
let place: Place;

const ask = (more: Partial<Ask> = {}): Promise<Answer[]> => askFrom(namespace, "load", { url, ...more });
const track = ({ body }: Answer): string => (body.includes("podinfo-canary") ? "canary" : "stable");
const tracks = async (more: Partial<Ask> = {}): Promise<string[]> => (await ask({ times: 5, ...more })).map(track);

const canary = { name: "podinfo-canary", port: 9898, weight: 100 };
const stable = { name: "podinfo-primary", port: 9898, weight: 100 };

async function route(...rules: object[]): Promise<void> {
  await apply([
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "podinfo", namespace },
      spec: { parentRefs: [{ group: "core", kind: "Service", name: "podinfo", port: 9898 }], rules },
    },
  ]);
}

const until = (condition: () => Promise<boolean>): Promise<true> =>
  waitFor(async () => (await condition()) || unmet("not yet"), 60_000, "the route to be obeyed");

const all = (name: string): string[] => Array.from({ length: 5 }, () => name);

beforeAll(async () => {
  place = await Place.open(namespace, { rate: 0 });
});

afterAll(() => place.close());

beforeEach(() => place.kube("delete", "httproute", "--all", "--ignore-not-found"));

describe("a rule", () => {
  it("takes requests by header and by query parameter; the first that matches wins", async () => {
    const header = { headers: [{ name: "x-beta", value: "yes" }] };
    const query = { queryParams: [{ name: "beta", value: "yes" }] };
    await route({ matches: [header, query], backendRefs: [canary] }, { backendRefs: [stable] });
    await until(async () => (await tracks({ headers: { "x-beta": "yes" } })).every((each) => each === "canary"));
    expect(await tracks()).toEqual(all("stable"));
    expect(await tracks({ headers: { "x-beta": "no" } })).toEqual(all("stable"));
    expect(await tracks({ url: `${url}?beta=yes` })).toEqual(all("canary"));
  });

  it("for each track's cookie keeps users where their first answer came from", async () => {
    const cookie = (value: string) => ({
      headers: [{ type: "RegularExpression", name: "cookie", value: `(.*;\\s*)?track=${value}(;.*)?` }],
    });
    const giving = (backend: typeof canary, value: string) => ({
      ...backend,
      weight: 50,
      filters: [
        {
          type: "ResponseHeaderModifier",
          responseHeaderModifier: { add: [{ name: "Set-Cookie", value: `track=${value}; Path=/` }] },
        },
      ],
    });
    await route(
      { matches: [cookie("canary")], backendRefs: [canary] },
      { matches: [cookie("stable")], backendRefs: [stable] },
      { backendRefs: [giving(canary, "canary"), giving(stable, "stable")] },
    );
    await until(async () => (await ask()).every(({ headers }) => headers["set-cookie"] !== undefined));
    const first = await ask({ times: 20 });
    expect(new Set(first.map(track))).toEqual(new Set(["canary", "stable"]));
    for (const answer of first) expect(answer.headers["set-cookie"]).toBe(`track=${track(answer)}; Path=/`);
    for (const value of ["canary", "stable"]) {
      const later = await tracks({ times: 20, headers: { cookie: `a=1; track=${value}; b=2` } });
      expect(new Set(later)).toEqual(new Set([value]));
    }
  });

  it("changes the headers of requests and answers, and ends those that take too long", async () => {
    await route({
      filters: [
        { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-from", value: "the route" }] } },
        { type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-by", value: "the route" }] } },
      ],
      timeouts: { request: "3s" },
      backendRefs: [canary],
    });
    await until(async () => (await ask())[0]?.headers["x-by"] === "the route");
    const [echoed] = await ask({ url: `${url}headers`, headers: { "x-from": "me" } });
    expect(echoed?.body).toContain("the route");
    const [late] = await ask({ url: `${url}delay/5` });
    expect(late?.status).toBe(504);
  });
});

it.each([
  ["RequestMirror", { type: "RequestMirror", requestMirror: { backendRef: { name: "podinfo-primary", port: 9898 } } }],
  ["URLRewrite", { type: "URLRewrite", urlRewrite: { hostname: "example.com" } }],
])("a route with a %s filter is accepted, and ignored as a whole", async (_name, filter) => {
  await route({ backendRefs: [canary] });
  await until(async () => (await tracks()).every((each) => each === "canary"));
  await route({ filters: [filter], backendRefs: [canary] });
  await until(async () => (await tracks()).every((each) => each === "stable"));
  const status = "{.status.parents[0].conditions[*].status}";
  expect(await place.kube("get", "httproute", "podinfo", "-o", `jsonpath=${status}`)).toBe("True True");
});
