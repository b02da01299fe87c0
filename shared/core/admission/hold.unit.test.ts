import type { V1Deployment } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admitCreated, admitTarget, type TargetAnswer, type TargetWrite } from "./hold.ts";
import { annotation, heldValue, label, targetLabels } from "../objects/names.ts";
import { maxWarning } from "./warnings.ts";

const uid = "0a1b2c3d-0000-4000-8000-000000000001";
const ours = "system:serviceaccount:kubectl-canary:kubectl-canary";

interface Shape {
  image?: string;
  paused?: boolean;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  uid?: string | undefined;
  memory?: string;
}

function deployment(shape: Shape = {}): V1Deployment {
  const { image = "1.7.0", paused, labels = {}, annotations, memory = "1Gi" } = shape;
  const id = "uid" in shape ? shape.uid : uid;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      name: "podinfo",
      namespace: "test",
      labels: { app: "podinfo", ...labels },
      ...(id === undefined ? {} : { uid: id }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      selector: { matchLabels: { app: "podinfo" } },
      ...(paused === undefined ? {} : { paused }),
      template: {
        metadata: { labels: { app: "podinfo" } },
        spec: {
          containers: [
            { name: "podinfod", image: `quay.io/stefanprodan/podinfo:${image}`, resources: { limits: { memory } } },
          ],
        },
      },
    },
  };
}

const gated = { [label.target]: uid, [label.stable]: "74459c7db8" };
const held = { ...gated, [label.held]: heldValue.running };
const heldPaused = { ...gated, [label.held]: heldValue.pausedByUser };
const bypass = { [label.bypass]: "yes" };
const byAlice = { [annotation.requestedBy]: "alice" };

function admit(oldObject: V1Deployment, object: V1Deployment, user = "alice"): TargetAnswer {
  return admitTarget({ oldObject, object, user, ownAccounts: [ours] });
}

function admitted(answer: TargetAnswer): { object: V1Deployment; warnings: string[] } {
  if (!answer.allowed) throw new Error(`refused: ${answer.message}`);
  return answer;
}

/** Only what this module may change. */
function marks(object: V1Deployment): object {
  const { labels = {}, annotations = {} } = object.metadata ?? {};
  return { labels, annotations, paused: object.spec?.paused ?? false };
}

interface Case {
  it: string;
  old: Shape;
  sent: Shape;
  expect: { paused: boolean; labels: Record<string, string>; annotations?: Record<string, string>; warns?: RegExp };
}

const cases: Case[] = [
  {
    it: "holds a new image on a gated Deployment and says who asked",
    old: { labels: gated },
    sent: { labels: gated, image: "1.7.1" },
    expect: { paused: true, labels: held, annotations: byAlice, warns: /image podinfod 1\.7\.0 -> 1\.7\.1/ },
  },
  {
    it: "remembers that the user had paused the rollout before the change",
    old: { labels: gated, paused: true },
    sent: { labels: gated, paused: true, image: "1.7.1" },
    expect: { paused: true, labels: heldPaused, annotations: byAlice, warns: /kubectl canary status podinfo -n test/ },
  },
  {
    it: "takes a pause that comes with the change for the user's own",
    old: { labels: gated },
    sent: { labels: gated, paused: true, image: "1.7.1" },
    expect: { paused: true, labels: heldPaused, annotations: byAlice, warns: /holds/ },
  },
  {
    it: "takes a resume that comes with the change for the user's own",
    old: { labels: gated, paused: true },
    sent: { labels: gated, image: "1.7.1" },
    expect: { paused: true, labels: held, annotations: byAlice, warns: /holds/ },
  },
  {
    it: "holds the next version in turn and names its author",
    old: { labels: held, paused: true, image: "1.7.1", annotations: { [annotation.requestedBy]: "bob" } },
    sent: { labels: held, paused: true, image: "1.7.2", annotations: { [annotation.requestedBy]: "bob" } },
    expect: { paused: true, labels: held, annotations: byAlice, warns: /1\.7\.1 -> 1\.7\.2/ },
  },
  {
    it: "keeps marks and requester when the held version is put again as a bare manifest",
    old: { labels: held, paused: true, image: "1.7.1", annotations: { [annotation.requestedBy]: "bob" } },
    sent: { image: "1.7.1", uid: undefined },
    expect: { paused: true, labels: held, annotations: { [annotation.requestedBy]: "bob" } },
  },
  {
    it: "keeps the rollout paused on resume and names both ways out",
    old: { labels: held, paused: true, image: "1.7.1" },
    sent: { labels: held, paused: false, image: "1.7.1" },
    expect: { paused: true, labels: held, warns: /kubectl canary promote podinfo -n test/ },
  },
  {
    it: "notes on resume that the rollout may run once the hold ends",
    old: { labels: heldPaused, paused: true, image: "1.7.1" },
    sent: { labels: heldPaused, paused: false, image: "1.7.1" },
    expect: { paused: true, labels: held, warns: /stays paused/ },
  },
  {
    it: "notes a user's pause while held but unpaused",
    old: { labels: held, image: "1.7.1" },
    sent: { labels: held, paused: true, image: "1.7.1" },
    expect: { paused: true, labels: heldPaused },
  },
  {
    it: "leaves a user's own pause and resume alone where nothing is held",
    old: { labels: gated, paused: true },
    sent: { labels: gated },
    expect: { paused: false, labels: gated },
  },
  {
    it: "puts our labels back when a manifest without them is put, and says nothing",
    old: { labels: gated },
    sent: { uid: undefined },
    expect: { paused: false, labels: gated },
  },
  {
    it: "puts our label back when a person removes it, and says how to opt out",
    old: { labels: gated },
    sent: { labels: {} },
    expect: { paused: false, labels: gated, warns: /delete the Canary/ },
  },
  {
    it: "holds a change that drops our label in the same write",
    old: { labels: gated },
    sent: { image: "1.7.1" },
    expect: { paused: true, labels: held, annotations: byAlice, warns: /holds/ },
  },
  {
    it: "undoes a forged held label on a gated Deployment",
    old: { labels: gated },
    sent: { labels: { ...gated, [label.held]: heldValue.running } },
    expect: { paused: false, labels: gated, warns: /left as they were/ },
  },
  {
    it: "undoes a forged requester while held",
    old: { labels: held, paused: true, annotations: byAlice },
    sent: { labels: held, paused: true, annotations: { [annotation.requestedBy]: "root" } },
    expect: { paused: true, labels: held, annotations: byAlice },
  },
  {
    it: "undoes an opt-in that did not come from the controller",
    old: {},
    sent: { labels: { [label.target]: uid } },
    expect: { paused: false, labels: {}, warns: /left as they were/ },
  },
  {
    it: "leaves a copy alone, template change included, and says how to clean it",
    old: { labels: { [label.target]: "another-uid" } },
    sent: { labels: { [label.target]: "another-uid" }, image: "1.7.1" },
    expect: { paused: false, labels: { [label.target]: "another-uid" }, warns: /kubectl-canary\.io\/target-/ },
  },
  {
    it: "lets the owner of a copy take our labels off it",
    old: { labels: { [label.target]: "another-uid", [label.held]: heldValue.running }, paused: true },
    sent: { paused: true },
    expect: { paused: true, labels: {} },
  },
  {
    it: "starts nothing for a quantity that is only spelled differently",
    old: { labels: gated, memory: "1Gi" },
    sent: { labels: gated, memory: "1073741824" },
    expect: { paused: false, labels: gated },
  },
  {
    it: "lets a change pass that has the bypass label before and after",
    old: { labels: { ...gated, ...bypass } },
    sent: { labels: { ...gated, ...bypass }, image: "1.7.1" },
    expect: { paused: false, labels: { ...gated, ...bypass }, annotations: byAlice, warns: /WITHOUT a canary/ },
  },
  {
    it: "holds a change that brings the bypass label along",
    old: { labels: gated },
    sent: { labels: { ...gated, ...bypass }, image: "1.7.1" },
    expect: { paused: true, labels: { ...held, ...bypass }, annotations: byAlice, warns: /holds/ },
  },
  {
    it: "lifts the hold of the version before when a change passes by bypass",
    old: { labels: { ...held, ...bypass }, paused: true, image: "1.7.1" },
    sent: { labels: { ...held, ...bypass }, paused: true, image: "1.7.2" },
    expect: { paused: false, labels: { ...gated, ...bypass }, annotations: byAlice, warns: /WITHOUT a canary/ },
  },
  {
    it: "keeps the user's own pause when a change passes by bypass",
    old: { labels: { ...heldPaused, ...bypass }, paused: true, image: "1.7.1" },
    sent: { labels: { ...heldPaused, ...bypass }, paused: true, image: "1.7.2" },
    expect: { paused: true, labels: { ...gated, ...bypass }, annotations: byAlice, warns: /WITHOUT a canary/ },
  },
  {
    it: "lets a held version go out on resume with the bypass label",
    old: { labels: { ...held, ...bypass }, paused: true, image: "1.7.1" },
    sent: { labels: { ...held, ...bypass }, paused: false, image: "1.7.1" },
    expect: { paused: false, labels: { ...gated, ...bypass }, annotations: byAlice, warns: /WITHOUT a canary/ },
  },
];

describe("a write to a Deployment", () => {
  it.each(cases.map((one) => [one.it, one] as const))("%s", (_, { old, sent, expect: wanted }) => {
    const { object, warnings } = admitted(admit(deployment(old), deployment(sent)));
    expect(marks(object)).toEqual({
      labels: { app: "podinfo", ...wanted.labels },
      annotations: wanted.annotations ?? {},
      paused: wanted.paused,
    });
    if (wanted.warns) expect(warnings.join("\n")).toMatch(wanted.warns);
    else expect(warnings).toEqual([]);
  });

  it("passes untouched when it is our own", () => {
    const object = deployment({ labels: gated, image: "1.7.1" });
    expect(admitted(admit(deployment({ labels: held, paused: true }), object, ours)).object).toBe(object);
  });

  it("is refused while the Deployment rolls to a judged version, and the refusal names the run", () => {
    const labels = { ...gated, [label.promoting]: "run-7" };
    const answer = admit(deployment({ labels }), deployment({ labels, image: "1.7.2" }));
    expect(answer.allowed).toBe(false);
    expect(answer).toHaveProperty("message", expect.stringMatching(/run run-7.*again in a few seconds/));
  });

  it("may scale while the Deployment rolls to a judged version", () => {
    const labels = { ...gated, [label.promoting]: "run-7" };
    const object = deployment({ labels });
    expect(admitted(admit(deployment({ labels }), object)).object).toBe(object);
  });

  it("changes nothing at all when the held version is applied again", () => {
    const shape = { labels: held, paused: true, image: "1.7.1", annotations: byAlice };
    const object = deployment(shape);
    expect(admitted(admit(deployment(shape), object, "bob")).object).toBe(object);
  });

  it("gets warnings that fit, whatever the names", () => {
    const long = (shape: Shape): V1Deployment => {
      const object = deployment(shape);
      object.metadata = { ...object.metadata, name: "n".repeat(56), namespace: "s".repeat(30) };
      return object;
    };
    const { warnings } = admitted(
      admit(long({ labels: gated }), long({ labels: gated, image: `1.8.0-${"x".repeat(100)}` })),
    );
    for (const warning of warnings) expect(warning.length).toBeLessThanOrEqual(maxWarning);
    expect(warnings.join()).toContain("n".repeat(56));
  });
});

describe("a Deployment that is created", () => {
  const created = (shape: Shape): { object: V1Deployment; warnings: string[] } =>
    admitted(admitCreated(deployment(shape)));

  it("from a copy of a held one has none of its marks, stays paused, and its maker is told how to run it", () => {
    const { object, warnings } = created({ labels: held, paused: true, annotations: byAlice });
    expect(marks(object)).toEqual({ labels: { app: "podinfo" }, annotations: {}, paused: true });
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toContain("rollout resume deploy podinfo");
  });

  it("from a copy of a gated one that is not held just loses the marks", () => {
    const { object, warnings } = created({ labels: gated });
    expect(marks(object)).toEqual({ labels: { app: "podinfo" }, annotations: {}, paused: false });
    expect(warnings).toHaveLength(1);
  });

  it("without marks passes as it is", () => {
    const object = deployment({ paused: true });
    expect(admitted(admitCreated(object))).toEqual({ allowed: true, object, warnings: [] });
  });
});

describe("any write", () => {
  const mark = fc.constantFrom(undefined, heldValue.running, heldValue.pausedByUser, uid, "other");
  const shape = fc
    .record({
      image: fc.constantFrom("1.7.0", "1.7.1"),
      paused: fc.option(fc.boolean(), { nil: undefined }),
      uid: fc.constantFrom(uid, undefined),
      target: fc.constantFrom(undefined, uid, uid, "other"),
      held: mark,
      promoting: fc.constantFrom(undefined, undefined, "run-1"),
      bypass: fc.constantFrom(undefined, undefined, "yes"),
      requester: fc.constantFrom(undefined, "alice", "bob"),
    })
    .map((drawn) => toShape(drawn));

  it("is answered the same when the answer is asked about again", () => {
    fc.assert(
      fc.property(shape, shape, (old, sent) => {
        const oldObject = deployment({ ...old, uid });
        const first = admit(oldObject, deployment(sent));
        if (!first.allowed) return;
        expect(admitted(admit(oldObject, first.object)).object).toEqual(first.object);
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps its template, and nothing that came in is changed in place", () => {
    fc.assert(
      fc.property(shape, shape, (old, sent) => {
        const write: TargetWrite = {
          oldObject: deployment({ ...old, uid }),
          object: deployment(sent),
          user: "alice",
          ownAccounts: [],
        };
        const copy = structuredClone(write);
        const answer = admitTarget(write);
        expect(write).toEqual(copy);
        if (answer.allowed) expect(answer.object.spec?.template).toBe(write.object.spec?.template);
      }),
    );
  });

  it("never costs a gated Deployment its marks, nor gives marks to one that is not", () => {
    fc.assert(
      fc.property(shape, shape, (old, sent) => {
        const oldObject = deployment({ ...old, uid });
        const answer = admit(oldObject, deployment(sent));
        if (!answer.allowed) return;
        const before = oldObject.metadata?.labels ?? {};
        const after = answer.object.metadata?.labels ?? {};
        const isGated = before[label.target] === uid;
        for (const key of targetLabels.filter((one) => one !== label.held)) {
          if (isGated) expect(after[key]).toBe(before[key]);
          else if (after[key] !== undefined) expect(after[key]).toBe(before[key]);
        }
      }),
    );
  });

  it("never lets a gated Deployment run a new template unheld without the bypass label in both objects", () => {
    fc.assert(
      fc.property(shape, shape, (old, sent) => {
        const oldObject = deployment({ ...old, uid, labels: { ...old.labels, [label.target]: uid } });
        const object = deployment(sent);
        const answer = admit(oldObject, object);
        const exempt = [oldObject, object].every((one) => one.metadata?.labels?.[label.bypass]);
        if (!answer.allowed || exempt || old.image === sent.image) return;
        expect(answer.object.spec?.paused).toBe(true);
        expect(Object.values(heldValue)).toContain(answer.object.metadata?.labels?.[label.held]);
      }),
    );
  });
});

interface Drawn {
  image: string;
  paused: boolean | undefined;
  uid: string | undefined;
  target: string | undefined;
  held: string | undefined;
  promoting: string | undefined;
  bypass: string | undefined;
  requester: string | undefined;
}

function toShape(drawn: Drawn): Shape {
  const all = {
    [label.target]: drawn.target,
    [label.held]: drawn.held,
    [label.promoting]: drawn.promoting,
    [label.bypass]: drawn.bypass,
  };
  const labels = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => !!entry[1]));
  return {
    image: drawn.image,
    uid: drawn.uid,
    labels,
    ...(drawn.paused === undefined ? {} : { paused: drawn.paused }),
    ...(drawn.requester === undefined ? {} : { annotations: { [annotation.requestedBy]: drawn.requester } }),
  };
}
