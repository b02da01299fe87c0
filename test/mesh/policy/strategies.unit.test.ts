// The rules that a run's strategy writes, as the mesh obeys them: many users, each with the cookies that it was given.
import { describe, expect, it } from "vitest";
import type { AnalysisSpec } from "../../../shared/core/objects/canary.ts";
import { seeded } from "../../../shared/core/plan/random.ts";
import { httpRoute } from "../../../shared/core/routes/routes.ts";
import { strategyOf } from "../../../shared/core/spec/strategy.ts";
import { rulesFor as rulesOfRun } from "../../../shared/core/turn/routing.ts";
import { aPolicy, aRunningState, aRunObservation } from "../../builders.ts";
import { pick } from "../outbound/choice.ts";
import type { HttpRoute } from "./objects.ts";
import { ruleFor, rulesFor, type Rule } from "./route.ts";

const context = {
  ...{ canary: "podinfo", namespace: "test", uid: "uid-1", apex: "podinfo", port: 9898 },
  ...{ gatewayRefs: [], hosts: [], apiVersion: "gateway.networking.k8s.io/v1" },
};

/** The mesh's rules at `weight` of a run by this analysis, with four ready canary pods. */
function rulesAt(weight: number, analysis: AnalysisSpec): Rule[] {
  const policy = aPolicy(strategyOf(analysis));
  const only = policy.strategy.kind === "ab-testing" ? { only: policy.strategy.matches } : {};
  const state = aRunningState(weight, { stage: "analysing", ...only });
  const rules = rulesOfRun(state, aRunObservation(weight, 4), policy);
  const route = httpRoute.withRules(
    httpRoute.withWeight(httpRoute.build(context), "podinfo", weight),
    "podinfo",
    weight,
    rules,
  );
  const service = { namespace: "test", name: "podinfo", port: 9898 };
  return rulesFor([route as unknown as HttpRoute], service, (_namespace, name) => name.replace("podinfo-", ""));
}

interface User {
  cookies: Record<string, string>;
  track?: string;
}

const random = seeded(20261126);

/** One request; what the answer sets is kept. */
function ask(rules: readonly Rule[], user: User, headers: Record<string, string> = {}, path = "/"): string {
  const cookie = Object.entries(user.cookies).map(([name, value]) => `${name}=${value}`);
  const sent = { ...headers, ...(cookie.length > 0 ? { cookie: cookie.join("; ") } : {}) };
  const backends = ruleFor(rules, { method: "GET", path, headers: sent })?.backends ?? [];
  const picked = pick(backends, random());
  const chosen = backends.find((backend) => backend === picked);
  for (const { value } of chosen?.filters.response.flatMap(({ add = [] }) => add) ?? []) {
    const [, name = "", given = ""] = /^([^=]+)=([^;]*)/.exec(value) ?? [];
    user.cookies[name] = given;
  }
  return chosen?.leaf ?? "nobody";
}

describe("session affinity", () => {
  it("gives the canary its weight of all users at each step, and takes nobody back to stable", () => {
    const analysis = { stepWeights: [10, 30, 60], sessionAffinity: { cookieName: "track" } };
    const users = Array.from({ length: 4_000 }, (): User => ({ cookies: { other: "1" } }));
    for (const weight of [10, 30, 60]) {
      const rules = rulesAt(weight, analysis);
      const before = users.map(({ track }) => track);
      for (const user of users) user.track = ask(rules, user);
      const share = users.filter(({ track }) => track === "canary").length / users.length;
      // 99.99 % interval.
      expect(Math.abs(share - weight / 100)).toBeLessThan(
        3.9 * Math.sqrt((weight * (100 - weight)) / 1e4 / users.length),
      );
      expect(users.filter(({ track }, index) => before[index] === "canary" && track !== "canary")).toEqual([]);
      expect(users.filter((user) => ask(rules, user) !== user.track)).toEqual([]);
    }
  });

  it("holds nobody at weight 0", () => {
    const analysis = { stepWeights: [50], sessionAffinity: { cookieName: "track" } };
    const user: User = { cookies: {} };
    for (let count = 0; count < 50 && user.track !== "canary"; count++) user.track = ask(rulesAt(50, analysis), user);
    expect(ask(rulesAt(0, analysis), user)).toBe("primary");
  });
});

describe("an A/B test", () => {
  const match = [
    { headers: { "x-canary": { exact: "insider" } } },
    { headers: { cookie: { regex: "^(.*;)?(canary=always)(;.*)?$" } } },
    { queryParams: { beta: { prefix: "y" } } },
  ];
  const rules = rulesAt(100, { iterations: 3, match });

  it.each<[string, Record<string, string>, string, string]>([
    ["header", { "x-canary": "insider" }, "/", "canary"],
    ["cookie", { cookie: "a=b;canary=always" }, "/", "canary"],
    ["query parameter", {}, "/?beta=yes", "canary"],
    ["other header", { "x-canary": "outsider" }, "/", "primary"],
    ["nothing", {}, "/?beta=no", "primary"],
  ])("sends who has the %s where it belongs", (_what, headers, path, track) => {
    expect(ask(rules, { cookies: {} }, headers, path)).toBe(track);
  });
});

describe("a preview", () => {
  it.each([0, 30])("gets the canary at weight %i, and is not what other users get", (weight) => {
    const preview = { header: { name: "x-canary", value: "mine" } };
    const rules = rulesAt(weight, { stepWeights: [30], preview });
    const mine = Array.from({ length: 50 }, () => ask(rules, { cookies: {} }, { "x-canary": "mine" }));
    expect(new Set(mine)).toEqual(new Set(["canary"]));
    const others = Array.from({ length: 2_000 }, () => ask(rules, { cookies: {} }, { "x-canary": "yours" }));
    const share = others.filter((track) => track === "canary").length / others.length;
    expect(Math.abs(share - weight / 100)).toBeLessThanOrEqual(
      3.9 * Math.sqrt((weight * (100 - weight)) / 1e4 / 2_000),
    );
  });
});
