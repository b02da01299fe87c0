/** Flagger's Services, and those that it changed, as they are to be with us. */
import type { V1Deployment, V1Service } from "@kubernetes/client-node";
import { apexOf } from "../objects/canary.ts";
import { canaryLeaf } from "../objects/names.ts";
import { apexService, canaryService, leafPorts, primaryService, type ServiceContext } from "../objects/workload.ts";
import { trackLabel } from "../selectors/track-label.ts";
import { fluxMarks, serviceNamed } from "./left-by-flagger.ts";
import type { MigrationSeen } from "./seen.ts";

/** As the controller makes it, in the object that callers know. */
export function ownLeaf(seen: MigrationSeen, target: V1Deployment, service: V1Service): V1Service {
  const context = contextOf(seen, service);
  const isCanarys = service.metadata?.name === canaryLeaf(context.apex);
  const made = isCanarys ? canaryService(target, context) : primaryService(target, context);
  const { labels = {} } = { ...made.metadata };
  return {
    ...service,
    metadata: { ...withoutFlagger(seen, service), labels },
    spec: { ...service.spec, selector: made.spec?.selector ?? {} },
  };
}

/** A Service of the user's as before Flagger: its selector again, no owner. Labels and ports stay. */
export function plainService(seen: MigrationSeen, target: V1Deployment, service: V1Service): V1Service {
  const own = apexService(target, contextOf(seen, service)).spec?.selector ?? {};
  const now = service.spec?.selector ?? {};
  const selector = Object.fromEntries(Object.entries(now).map(([key, value]) => [key, own[key] ?? value]));
  return { ...service, metadata: withoutFlagger(seen, service), spec: { ...service.spec, selector } };
}

/** Flux is told to leave it alone. */
export const hasFluxMarks = ({ metadata }: V1Service): boolean =>
  Object.keys(metadata?.annotations ?? {}).some(isFluxMark);

// --- internal ---

function contextOf(seen: MigrationSeen, service: V1Service): ServiceContext {
  const { canary, target } = seen;
  const { name = "", uid = "" } = canary.metadata;
  const track = target ? trackLabel(target, { apex: serviceNamed(seen, apexOf(canary)) }) : undefined;
  return { canary: name, uid, apex: apexOf(canary), ports: leafPorts(service), track };
}

/** Not owned by the Canary, whose deletion would take it along, and not hidden from Flux. */
function withoutFlagger({ canary }: MigrationSeen, { metadata = {} }: V1Service): V1Service["metadata"] & object {
  const owners = (metadata.ownerReferences ?? []).filter(({ uid }) => uid !== canary.metadata.uid);
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) => !isFluxMark(key));
  return { ...metadata, ownerReferences: owners, annotations: Object.fromEntries(annotations) };
}

const isFluxMark = (key: string): boolean => (fluxMarks as readonly string[]).includes(key);
