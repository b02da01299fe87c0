/** An Event as this controller writes it, once. */
import type { CoreV1Event } from "@kubernetes/client-node";
import { manager } from "../../../shared/core/objects/names.ts";

/** `name`: of the Event; `about`: with the namespace that the Event goes into. `at`: ISO. `instance`: name of this pod. */
export function coreEvent(
  { name, about, at, instance }: { name: string; about: About; at: string; instance: string },
  said: { type: string; reason: string; message: string },
): CoreV1Event {
  return {
    metadata: { name, namespace: about.namespace },
    involvedObject: about,
    ...said,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
    source: { component: manager, host: instance },
    // The API server takes times as text, where the client's type has dates.
  } as unknown as CoreV1Event;
}

type About = CoreV1Event["involvedObject"] & { namespace: string };
