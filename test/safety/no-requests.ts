/** What a Prometheus answers that scrapes every ready pod, and knows of no request to any. */
import type { V1Pod } from "@kubernetes/client-node";
import { label } from "../../shared/core/objects/names.ts";
import { question } from "../../shared/core/queries/queries.ts";
import { metaOf } from "../../webhook/controller/objects/from-objects.ts";
import type { PaperNode } from "../kube/controllers.ts";
import { answer, type Behaviour } from "../metrics/door.ts";

export function noRequests(node: PaperNode): Behaviour {
  return (request, response, upstream) => {
    const query = new URL(request.url ?? "/", "http://arena").searchParams.get("query") ?? "";
    const result = query.includes(`"${question.age}"`) ? node.readyPods().map(scraped) : [];
    const data = { resultType: "vector", result };
    answer(200, JSON.stringify({ status: "success", data }))(request, response, upstream);
  };
}

// --- internal ---

/** A row of the counters: the pod's newest sample is of this very moment. */
function scraped(pod: V1Pod): object {
  const { name, namespace, labels, ownerReferences } = metaOf(pod);
  const hash = labels[label.podTemplateHash] ?? "";
  const deployment = (ownerReferences[0]?.name ?? "").slice(0, -hash.length - 1);
  const metric = { question: question.age, namespace, deployment, pod_template_hash: hash, pod: name };
  return { metric, value: [Date.now() / 1_000, "0"] };
}
