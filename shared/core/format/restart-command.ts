/** Callers of a Service, named `namespace/pod`, and how to make them obey a TrafficSplit that is younger than they are. */

/** `kubectl -n test rollout restart deploy/load`, a line for each workload, joined by `; `. */
export function restartLines(callers: readonly string[]): string {
  return [...new Set(callers.map(restartLine))].join("; ");
}

/** A pod of a Deployment is `<deployment>-<template hash>-<suffix>`; any other pod is named itself. */
function restartLine(caller: string): string {
  const [namespace = "", pod = ""] = caller.split("/");
  const parts = pod.split("-");
  if (parts.length < 3) return `kubectl -n ${namespace} delete pod ${pod}`;
  return `kubectl -n ${namespace} rollout restart deploy/${parts.slice(0, -2).join("-")}`;
}
