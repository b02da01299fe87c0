/** `kubectl canary version`: of this plugin, of the controller and of the API server. */
import type { V1CustomResourceDefinition, V1Deployment } from "@kubernetes/client-node";
import { manager } from "../../../shared/core/objects/names.ts";
import { hasCode } from "../../../shared/kube/errors.ts";
import { resource } from "../../../shared/kube/resources.ts";
import { definitionName, isOurs } from "../../cluster/crd.ts";
import { type Deps, exitCode, type Io, type Scope } from "../../context.ts";
import { readLease, timeFor } from "../../read/read-canary.ts";
import {
  certificateWarning,
  type CertificateView,
  days,
  type SeenLease,
  viewController,
} from "../../view/controller-health.ts";
import { type OutputFormat, printObject } from "../../render/output.ts";
import { skewBetween, tagOf } from "../../view/skew.ts";
import { type BuildInfo, clientVersion } from "../../build-info.ts";

export interface VersionView {
  apiVersion: "kubectl-canary/v1";
  kind: "VersionView";
  client: BuildInfo;
  /** Null where no controller is found, or may be read. */
  controller: { version: string; image: string; namespace: string } | null;
  /** That the webhook serves. Null where the controller's Lease does not tell. */
  certificate: CertificateView | null;
  /** Null where it is not installed, or may not be read; `ours` says whether its schema has what the controller writes. */
  crd: { name: string; versions: string[]; ours: boolean } | null;
  server: { version: string } | null;
}

export interface VersionArgs {
  output: OutputFormat;
  clientOnly: boolean;
}

/** `connect` may throw: the client's version is printed all the same, before the failure is passed on. */
export async function version(
  args: VersionArgs,
  io: Io,
  connect: () => Promise<{ deps: Deps; scope: Scope }>,
): Promise<number> {
  const view: VersionView = {
    apiVersion: "kubectl-canary/v1",
    kind: "VersionView",
    client: clientVersion(),
    controller: null,
    certificate: null,
    crd: null,
    server: null,
  };
  let failure: unknown;
  let warning: string | undefined;
  try {
    if (!args.clientOnly) {
      const { lease, now, ...found } = await remote(await connect());
      const leader = viewController(lease, now);
      Object.assign(view, found, { certificate: leader.certificate });
      warning = certificateWarning(leader);
    }
  } catch (error) {
    failure = error;
  }
  if (args.output === "json" || args.output === "yaml") await printObject(view, args.output, io.stdout);
  else io.stdout.write(renderVersion(view, args.clientOnly));
  if (failure) throw failure as Error;
  const skew = view.controller ? skewBetween(view.client.version, view.controller.version) : undefined;
  for (const said of [skew, warning]) if (said) io.stderr.write(`${said}\n`);
  return exitCode.ok;
}

export function renderVersion(view: VersionView, clientOnly: boolean): string {
  const { client, controller, server } = view;
  const lines = [`Client:      ${client.version}   commit ${client.commit}`];
  if (!clientOnly && server) {
    lines.push(
      controller
        ? `Controller:  ${controller.version}   ${controller.image} in namespace ${controller.namespace}`
        : "Controller:  not found or not readable",
    );
    lines.push(`Certificate: ${certificateText(view.certificate)}`);
    lines.push(`CRD:         ${crdText(view.crd)}`, `Kubernetes:  ${server.version}`);
  }
  return `${lines.join("\n")}\n`;
}

// --- internal ---

function certificateText(certificate: CertificateView | null): string {
  if (!certificate) return "not known: the controller's Lease does not tell";
  const { daysLeft, expiresAt, issuer, renewBy } = certificate;
  const by = issuer === "own" ? "the controller" : issuer;
  const left = daysLeft < 0 ? `expired at ${expiresAt}` : `${days(daysLeft)} left`;
  return `${left}   renewed by ${by}, before ${renewBy}`;
}

function crdText(crd: VersionView["crd"]): string {
  if (!crd) return "not found or not readable";
  const served = `${crd.name} ${crd.versions.join(", ")}`;
  return crd.ours ? served : `${served}   not kubectl-canary's: see kubectl canary doctor`;
}

async function readDefinition({ cluster }: Deps): Promise<VersionView["crd"]> {
  try {
    const found = await cluster.get<V1CustomResourceDefinition>(resource.customResourceDefinitions, {
      name: definitionName,
    });
    const served = found.spec.versions.filter((version) => version.served);
    return { name: definitionName, versions: served.map(({ name }) => name), ours: isOurs(found) };
  } catch (error) {
    if (hasCode(error, "Forbidden", "NotFound")) return null;
    throw error;
  }
}

async function remote({
  deps,
  scope,
}: {
  deps: Deps;
  scope: Scope;
}): Promise<Pick<VersionView, "controller" | "crd" | "server"> & { lease: SeenLease; now: number }> {
  const [answer, controller, lease, crd] = await Promise.all([
    deps.cluster.raw("GET", "/version"),
    readController(deps, scope),
    readLease(deps.cluster, scope.controllerNamespace),
    readDefinition(deps),
  ]);
  const server = { version: (answer as { gitVersion?: string }).gitVersion ?? "unknown" };
  return { controller, crd, server, lease, now: await timeFor(lease, deps) };
}

async function readController({ cluster }: Deps, scope: Scope): Promise<VersionView["controller"]> {
  const namespace = scope.controllerNamespace;
  try {
    const labelSelector = `app.kubernetes.io/name=${manager}`;
    const { items } = await cluster.list<V1Deployment>(resource.deployments, { namespace, labelSelector });
    const image = items[0]?.spec?.template.spec?.containers[0]?.image;
    return image ? { version: tagOf(image), image, namespace } : null;
  } catch (error) {
    if (hasCode(error, "Forbidden")) return null;
    throw error;
  }
}
