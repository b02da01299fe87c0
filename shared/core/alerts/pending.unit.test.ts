import { describe, expect, it } from "vitest";
import {
  aHeldTarget,
  anObservation,
  aPolicy,
  aRun,
  aRunningState,
  aRunObservation,
  aState,
  start,
  unmet,
} from "../../../test/builders.ts";
import { decide } from "../decide.ts";
import type { Observation } from "../observation.ts";
import type { AlertRule } from "../spec/alert-rules.ts";
import type { Alert, CanaryState } from "../state.ts";
import { hooksOf } from "../spec/hooks.ts";
import { alertsOfUnreadable, chartProvider, freshMs, withAlerts } from "./pending.ts";

const onCall: AlertRule = { name: "on-call", severity: "error", provider: { name: "on-call" } };
const team: AlertRule = { name: "team", severity: "info", provider: { name: "slack", namespace: "platform" } };

function alertsAfter(rules: AlertRule[], state: CanaryState, seen: Observation): Alert[] {
  return decide(state, seen, aPolicy({ alerts: rules })).state.alerts;
}

/** A run starts: an alert of severity info. */
const started = (rules: AlertRule[], over: Partial<Observation> = {}): Alert[] =>
  alertsAfter(rules, aState(), anObservation({ target: aHeldTarget("1.7.1"), ...over }));

/** The run ends as rejected: an alert of severity error. */
const rejected = (rules: AlertRule[], over: Partial<Observation> = {}): Alert[] =>
  alertsAfter(rules, aRunningState(0, { stageAt: start - 60_000 }, { alerts: [] }), aRunObservation(0, 0, { ...over }));

const anAlert = (over: Partial<Alert> = {}): Alert => ({
  at: start - 1_000,
  code: "rejected",
  severity: "error",
  message: "it failed",
  fields: [],
  to: ["test/on-call", "platform/slack"],
  ...over,
});

describe("who is told", () => {
  it("is whoever asked for this severity or a lesser one, in the Canary's namespace unless it names another", () => {
    expect(rejected([onCall, team])).toMatchObject([{ code: "rejected", to: ["test/on-call", "platform/slack"] }]);
    expect(started([onCall, team])).toMatchObject([{ code: "progressing", to: ["platform/slack"] }]);
  });

  it("is nobody where nobody asked, and then nothing is kept", () => {
    expect(rejected([])).toEqual([]);
    expect(started([onCall])).toEqual([]);
  });

  it("is told once, however many rules name the same provider", () => {
    expect(rejected([onCall, { ...onCall, name: "again", severity: "info" }])).toMatchObject([
      { to: ["test/on-call"] },
    ]);
  });

  it("is the chart's own provider where the Canary names none, from the chart's severity on", () => {
    expect(rejected([], { chartAlerts: "error" })).toMatchObject([{ to: [chartProvider] }]);
    expect(started([], { chartAlerts: "error" })).toEqual([]);
    expect(rejected([onCall], { chartAlerts: "info" })).toMatchObject([{ to: ["test/on-call"] }]);
  });
});

describe("an alert", () => {
  it("says what a person wants to know first", () => {
    const [alert] = started([team]);
    expect(alert).toEqual({
      at: start,
      code: "progressing",
      severity: "info",
      message: "New revision detected, progressing canary analysis. podinfo:1.7.1 was asked for by alice.",
      fields: [
        { name: "Target", value: "Deployment/podinfo.test" },
        { name: "Version", value: "podinfo:1.7.1" },
        { name: "Stable", value: "podinfo:1.7.0" },
        { name: "Weight", value: "0%" },
        { name: "Next", value: "first traffic when they are ready" },
        { name: "Failed checks threshold", value: "5" },
        { name: "Progress deadline", value: "60s" },
        { name: "Traffic routing", value: "Weight steps: 10,20,30,40,50,60,70,80,90,100" },
      ],
      to: ["platform/slack"],
    });
  });

  it("has a time of its own, whatever the clock says", () => {
    const seen = anObservation({ target: aHeldTarget("1.7.1") });
    const before = aState({ alerts: [anAlert({ at: start + 5 })] });
    expect(alertsAfter([team], before, seen).map(({ at }) => at)).toEqual([start + 5, start + 6]);
  });

  it("is cut where a tenant's words are long", () => {
    const images = { podinfod: "x".repeat(5_000) };
    const [alert] = started([team], { target: aHeldTarget("1.7.1", { images, requestedBy: "y".repeat(5_000) }) });
    expect(alert!.message.length).toBeLessThanOrEqual(700);
    expect(alert!.fields.every(({ value }) => value.length <= 700)).toBe(true);
  });

  it("tells what blocks a Canary once, and only what is missing of one that has run", () => {
    const obstacle = anObservation(unmet("obstacle", "Something is in the way."));
    const said = decide(aState(), obstacle, aPolicy({ alerts: [team] }));
    expect(said.state.alerts).toMatchObject([
      { code: "blocked/obstacle-code", severity: "warn", message: "Something is in the way." },
    ]);
    expect(alertsAfter([team], said.state, obstacle)).toHaveLength(1);
    const missing = anObservation(unmet("missing", "Service podinfo does not exist."));
    expect(alertsAfter([team], aState(), missing)).toMatchObject([{ code: "blocked/missing-code" }]);
    const { stable: _stable, ...fresh } = aState({ phase: "Initializing" });
    expect(alertsAfter([team], fresh, missing)).toEqual([]);
  });

  it("tells of a gate at which a person is waited for, unless its webhook is muted", () => {
    const gate = { type: "confirm-promotion" as const, name: "go", since: start, askAt: start + 10_000 };
    const webhook = { name: "go", url: "https://gates.example", type: "confirm-promotion" };
    const atGate = aRunningState(50, { stage: "analysing", wait: "gate", waitSince: start, gate });
    const { gate: _gate, wait: _wait, ...before } = atGate.run!;
    const told = (muteAlert: boolean): Alert[] => {
      const { hooks } = hooksOf({ webhooks: [{ ...webhook, muteAlert }] });
      const turn = {
        state: { ...atGate, run: before },
        seen: anObservation(),
        policy: aPolicy({ hooks, alerts: [team] }),
      };
      return withAlerts(turn, { state: atGate, actions: [], questions: [], events: [] }).state.alerts;
    };
    expect(told(false)).toMatchObject([{ code: "waiting/gate", severity: "warn" }]);
    expect(told(true)).toEqual([]);
  });

  it("tells of a promotion that is stuck, and of a change that its user's pause keeps from starting", () => {
    const stuck = aRunObservation(100, 4, {
      target: aHeldTarget("1.7.1", { held: false, promoting: aRun().id, stuck: "ProgressDeadlineExceeded." }),
    });
    expect(alertsAfter([team], aRunningState(100, { stage: "promoting" }), stuck)).toMatchObject([
      { code: "promotion-stuck", severity: "error" },
    ]);
    const paused = anObservation({ target: aHeldTarget("1.7.1", { pausedByUser: true }) });
    expect(alertsAfter([team], aState(), paused)).toMatchObject([{ code: "waiting/change", severity: "warn" }]);
  });
});

describe("an alert on its way", () => {
  const resting = (alerts: Alert[], over: Partial<Observation> = {}): ReturnType<typeof decide> =>
    decide(aState({ alerts }), anObservation(over), aPolicy());

  it("stays for those who have not got it, and goes when everyone has", () => {
    const one = resting([anAlert()], { deliveries: [{ at: start - 1_000, to: "test/on-call" }] });
    expect(one.state.alerts).toEqual([anAlert({ to: ["platform/slack"] })]);
    expect(one.events).toEqual([]);
    const both = resting(one.state.alerts, { deliveries: [{ at: start - 1_000, to: "platform/slack" }] });
    expect(both.state.alerts).toEqual([]);
  });

  it("is not taken for another of another time", () => {
    const { state } = resting([anAlert()], { deliveries: [{ at: start - 999, to: "test/on-call" }] });
    expect(state.alerts).toEqual([anAlert()]);
  });

  it("is given up with a word", () => {
    const failure = "AlertProvider on-call.test did not get an alert: it answered 404.";
    const { state, events } = resting([anAlert()], {
      deliveries: [{ at: start - 1_000, to: "test/on-call", failure }],
    });
    expect(state.alerts).toEqual([anAlert({ to: ["platform/slack"] })]);
    expect(events).toEqual([{ type: "Warning", message: failure }]);
  });

  it("is given up when it is old, and said to be", () => {
    const { state, events } = resting([anAlert({ at: start - freshMs })]);
    expect(state.alerts).toEqual([]);
    expect(events.map(({ message }) => message)).toEqual([
      "The alert rejected did not reach test/on-call, platform/slack within 1h and is given up.",
    ]);
  });

  it("makes room where there are many: the newest ten are kept", () => {
    const many = Array.from({ length: 10 }, (_, index) => anAlert({ at: start - 1_000 + index }));
    const after = alertsAfter([team], aState({ alerts: many }), anObservation({ target: aHeldTarget("1.7.1") }));
    expect(after.map(({ at }) => at)).toEqual([...many.slice(1).map(({ at }) => at), start]);
  });
});

describe("a Canary that cannot be read", () => {
  const seen = { now: start, namespace: "test", targetName: "podinfo" };
  const news = { reason: "The Canary cannot be read: spec.", isNew: true };

  it("is an error for whoever can be read of its alerts, or for the chart's own provider", () => {
    expect(alertsOfUnreadable([], news, { rules: [onCall], seen })).toEqual([
      {
        at: start,
        code: "unreadable",
        severity: "error",
        message: news.reason,
        fields: [{ name: "Target", value: "Deployment/podinfo.test" }],
        to: ["test/on-call"],
      },
    ]);
    const byChart = alertsOfUnreadable([], news, { rules: [], seen: { ...seen, chartAlerts: "warn" } });
    expect(byChart).toMatchObject([{ to: [chartProvider] }]);
    expect(alertsOfUnreadable([], news, { rules: [], seen })).toEqual([]);
  });

  it("is said once", () => {
    expect(alertsOfUnreadable([], { ...news, isNew: false }, { rules: [onCall], seen })).toEqual([]);
  });
});
