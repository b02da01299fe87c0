import { expect, it } from "vitest";
import type { Cluster } from "../../shared/kube/cluster.ts";
import { createSecretReader, type SecretAt } from "./secret-reader.ts";

function aReader(): { read: (name: string) => Promise<unknown>; asked: string[]; wait: (ms: number) => void } {
  const asked: string[] = [];
  let now = 0;
  const get = (_of: unknown, at: SecretAt): Promise<unknown> => {
    asked.push(at.name);
    return Promise.resolve({ metadata: at });
  };
  const cluster = { get } as unknown as Pick<Cluster, "get">;
  const reader = createSecretReader({ cluster, now: () => now }, { field: "secretRef", value: "x" });
  return { asked, read: (name) => reader({ namespace: "test", name }), wait: (ms) => void (now += ms) };
}

it("a Secret is read once for whoever asks within half a minute, and anew after that", async () => {
  const { read, asked, wait } = aReader();
  for (const name of ["a", "a", "b"]) await read(name);
  expect(asked).toEqual(["a", "b"]);
  wait(30_000);
  await read("a");
  expect(asked).toEqual(["a", "b", "a"]);
});

it("of Secrets without end the last few are kept", async () => {
  const { read, asked } = aReader();
  const names = Array.from({ length: 65 }, (_, index) => `secret-${index}`);
  for (const name of names) await read(name);
  await read("secret-64");
  expect(asked).toHaveLength(65);
  await read("secret-0");
  expect(asked).toHaveLength(66);
});
