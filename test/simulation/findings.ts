/** What may stand in the way of a decision, why a run may wait, and callers that do not follow the route. */
import type { Floor } from "../../shared/core/state.ts";
import fc from "fast-check";
import type { StaleCaller } from "../../shared/core/format/restart-command.ts";
import { type WaitCause, waitCauses } from "../../shared/core/objects/wait-causes.ts";
import type { Unmet } from "../../shared/core/observation.ts";

const load: StaleCaller = { pod: "test/load-1-a", workload: "statefulset/load" };

export const anyCallers = fc.constantFrom<StaleCaller[][]>([], [load], [load, { pod: "shop/load-2-b" }]);

const seldom = (level: Unmet["level"], what: string): fc.Arbitrary<Unmet[]> =>
  fc.oneof(
    { weight: 9, arbitrary: fc.constant<Unmet[]>([]) },
    fc.constant<Unmet[]>([{ code: `${level}-code`, level, what }]),
  );

export const anyUnmet: fc.Arbitrary<Unmet[]> = fc
  .tuple(seldom("obstacle", "Flagger is at work here."), seldom("unfit", "it is unfit."), seldom("missing", "no port."))
  .map((found) => found.flat());

export const anyWaitCause = fc.constantFrom(...(Object.keys(waitCauses) as WaitCause[]));

export const anyFloor = (time: fc.Arbitrary<number>): fc.Arbitrary<Floor> =>
  fc
    .record({ replicas: fc.integer({ min: 1, max: 12 }), until: fc.option(time, { nil: undefined }) })
    .map(({ replicas, until }) => ({ replicas, message: "", ...(until === undefined ? {} : { until }) }));

export const anyAutoscaler = fc
  .record({ maxReplicas: fc.integer({ min: 1, max: 12 }), load: fc.constantFrom(undefined, 0, 0.5, 3, 100) })
  .map(({ load, ...rest }) => ({ name: "ScaledObject podinfo", ...rest, ...(load === undefined ? {} : { load }) }));

export const anyReplicas = fc.record({
  unit: fc.constantFrom("pods" as const, "percent" as const),
  value: fc.integer({ min: 1, max: 100 }),
});
