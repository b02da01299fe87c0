import { describe, expect, test } from "vitest";
import type { CheckStatus } from "../../shared/core/objects/canary-status.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

const podinfo = { name: "podinfo", namespace: "test" };

function aRecorder(): Recorder {
  return createRecorder({ version: "0.1.0", meshProvider: "linkerd" });
}

async function lines(recorder: Recorder): Promise<string[]> {
  return (await recorder.text()).body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

function aCheck(metric: string, value: number | null, unit: CheckStatus["unit"]): CheckStatus {
  const outcome = value === null ? "no-evidence" : "pass";
  return { metric, value, unit, outcome, requests: 5, query: "q", message: "m", at: "2026-01-01T00:00:00Z" };
}

describe("the controller's metrics", () => {
  test("hold Flagger's eight by name and meaning", async () => {
    const recorder = aRecorder();
    recorder.canaries(new Map([["test", 3]]));
    recorder.status(podinfo, "Progressing", "canary");
    recorder.weight(podinfo, 30);
    recorder.checks(podinfo, [
      aCheck("request-duration", 250, "milliseconds"),
      aCheck("request-success-rate", 99.5, "percent"),
      aCheck("own", null, ""),
    ]);
    recorder.checked(podinfo, 0.2);
    recorder.succeeded(podinfo, { strategy: "canary", analysis: "completed" });
    recorder.failed(podinfo, { strategy: "canary", analysis: "skipped" });
    const ending = 'name="podinfo",namespace="test",deployment_strategy="canary"';
    expect(await lines(recorder)).toEqual(
      expect.arrayContaining([
        'flagger_info{version="0.1.0",mesh_provider="linkerd"} 1',
        'flagger_canary_total{namespace="test"} 3',
        'flagger_canary_status{name="podinfo",namespace="test"} 0',
        'flagger_canary_weight{workload="podinfo-primary",namespace="test"} 70',
        'flagger_canary_weight{workload="podinfo",namespace="test"} 30',
        'flagger_canary_metric_analysis{name="podinfo",namespace="test",metric="request-duration"} 0.25',
        'flagger_canary_metric_analysis{name="podinfo",namespace="test",metric="request-success-rate"} 99.5',
        'flagger_canary_duration_seconds_count{name="podinfo",namespace="test"} 1',
        `flagger_canary_successes_total{${ending},analysis_status="completed"} 1`,
        `flagger_canary_failures_total{${ending},analysis_status="skipped"} 1`,
      ]),
    );
  });

  test("show limits, the requests behind each value and the evidence of the comparison, until the canary is gone", async () => {
    const recorder = aRecorder();
    recorder.checks(podinfo, [
      { ...aCheck("request-duration", 250, "milliseconds"), max: 500 },
      { ...aCheck("request-success-rate", 99.5, "percent"), min: 99 },
    ]);
    recorder.comparison(podinfo, 12.5);
    const of = 'name="podinfo",namespace="test"';
    expect(await lines(recorder)).toEqual(
      expect.arrayContaining([
        `kubectl_canary_metric_limit{${of},metric="request-duration",bound="max"} 0.5`,
        `kubectl_canary_metric_limit{${of},metric="request-success-rate",bound="min"} 99`,
        `kubectl_canary_metric_requests{${of},metric="request-success-rate"} 5`,
        `kubectl_canary_comparison_evidence{${of}} 12.5`,
      ]),
    );
    recorder.forget(podinfo);
    expect((await lines(recorder)).filter((line) => line.includes("podinfo"))).toEqual([]);
  });

  test("count both ends of a canary's runs from zero on", async () => {
    const recorder = aRecorder();
    recorder.status(podinfo, "Initialized", "blue-green");
    const ending = 'name="podinfo",namespace="test",deployment_strategy="blue-green",analysis_status="completed"';
    expect(await lines(recorder)).toEqual(
      expect.arrayContaining([
        `flagger_canary_successes_total{${ending}} 0`,
        `flagger_canary_failures_total{${ending}} 0`,
      ]),
    );
  });

  test("encode a phase as Flagger does", async () => {
    const recorder = aRecorder();
    for (const [phase, value] of [
      ["Succeeded", 1],
      ["Waiting", 1],
      ["Failed", 2],
      ["Progressing", 0],
    ] as const) {
      recorder.status(podinfo, phase, "canary");
      expect(await lines(recorder)).toContain(`flagger_canary_status{name="podinfo",namespace="test"} ${value}`);
    }
  });

  test("count verdicts by outcome from zero on, and measure admission, queue and certificate", async () => {
    const recorder = aRecorder();
    recorder.checks(podinfo, [aCheck("own", 1, ""), aCheck("own", null, "")]);
    recorder.admission("patched", 0.004);
    recorder.loop({ isReady: true, isLeader: true, waiting: 7 });
    recorder.certificateDaysLeft(29.5);
    expect(await lines(recorder)).toEqual(
      expect.arrayContaining([
        'kubectl_canary_verdicts_total{outcome="pass"} 1',
        'kubectl_canary_verdicts_total{outcome="no-evidence"} 1',
        'kubectl_canary_verdicts_total{outcome="cannot-ask"} 0',
        'kubectl_canary_admission_duration_seconds_count{answer="patched"} 1',
        "kubectl_canary_queue_depth 7",
        "kubectl_canary_leader 1",
        "kubectl_canary_certificate_days_left 29.5",
      ]),
    );
  });

  test("say why a canary waits and what blocks it, each by one series at a time", async () => {
    const recorder = aRecorder();
    const standstills = async (): Promise<string[]> =>
      (await lines(recorder)).filter((line) => /_(blocked|waiting)\{/.test(line));
    const of = 'name="podinfo",namespace="test"';
    recorder.waiting(podinfo, { cause: "gate", kind: "person" });
    recorder.waiting(podinfo, { cause: "cannot-ask", kind: "outage" });
    recorder.blocked(podinfo, "write-refused");
    expect(await standstills()).toEqual([
      `kubectl_canary_blocked{${of},code="write-refused"} 1`,
      `kubectl_canary_waiting{${of},cause="cannot-ask",kind="outage"} 1`,
    ]);
    recorder.waiting(podinfo, undefined);
    recorder.blocked(podinfo, undefined);
    expect(await standstills()).toEqual([]);
  });

  test("lose every series of a canary that is gone, and of a namespace that has none", async () => {
    const recorder = aRecorder();
    const before = await lines(recorder);
    recorder.canaries(new Map([["test", 1]]));
    recorder.status(podinfo, "Failed", "canary");
    recorder.weight(podinfo, 0);
    recorder.checks(podinfo, [aCheck("own", 1, "")]);
    recorder.checked(podinfo, 1);
    recorder.blocked(podinfo, "write-refused");
    recorder.waiting(podinfo, { cause: "paused", kind: "person" });
    recorder.failed(podinfo, { strategy: "canary", analysis: "completed" });
    recorder.forget(podinfo);
    recorder.canaries(new Map());
    const names = (all: string[]): string[] => all.map((line) => line.split(" ")[0]!).sort();
    expect(names(await lines(recorder))).toEqual(names(before));
  });

  test("of two recorders do not mix", async () => {
    const one = aRecorder();
    one.loop({ isReady: false, isLeader: false, waiting: 3 });
    expect(await lines(aRecorder())).toContain("kubectl_canary_queue_depth 0");
  });
});
