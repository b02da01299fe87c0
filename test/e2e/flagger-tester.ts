/** A server that speaks the protocol of Flagger's load tester, in a namespace of its own app, at the address that Flagger's manifests name. */
import { loadTesterPort } from "../app/load-tester.ts";
import { loadImage } from "../app/manifests.ts";

export const testerName = "flagger-loadtester";

const labels = { app: testerName };

/** Deployment and Service, which answers at `http://flagger-loadtester.<namespace>/`. */
export function flaggerTester(namespace: string): object[] {
  const metadata = { name: testerName, namespace };
  const container = {
    name: "loadtester",
    image: loadImage,
    imagePullPolicy: "IfNotPresent",
    args: ["loadtester"],
    ports: [{ name: "http", containerPort: loadTesterPort }],
    readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 1 },
  };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } };
  return [
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { selector: { matchLabels: labels }, template } },
    {
      ...{ apiVersion: "v1", kind: "Service", metadata },
      spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] },
    },
  ];
}
