// When a proxy learns of a Service's endpoints, on a clock of the test's own.
import { expect, it } from "vitest";
import { Resolution, type Actual } from "./resolution.ts";
import { proxyClock } from "../settings.ts";

const S = 1000;
const clock = proxyClock(1);
const none: Actual<string> = { exists: true, endpoints: [] };
const one: Actual<string> = { exists: true, endpoints: ["a"] };

it("a Service with endpoints is known at once, and its changes for as long as the stream is open", () => {
  const resolution = new Resolution(clock, one, 0);
  expect(resolution.known).toEqual(["a"]);
  resolution.update({ exists: true, endpoints: ["a", "b"] }, S);
  expect(resolution.known).toEqual(["a", "b"]);
  resolution.update(none, 2 * S);
  resolution.update(one, 30 * S);
  expect(resolution.known).toEqual(["a"]);
});

it("an empty Service is listened to for 3 s, then again after 1, 2, 4 ... 60 s", () => {
  const resolution = new Resolution(clock, none, 0);
  const listening: number[] = [];
  for (let at = 0; at < 400; at += 1) {
    resolution.advance(at * S);
    if (resolution.phase === "listening") listening.push(at);
  }
  const starts = listening.filter((at) => !listening.includes(at - 1));
  expect(starts).toEqual([0, 4, 9, 16, 27, 46, 81, 144, 207, 270, 333, 396]);
  expect(listening.length).toBe(12 * 3);
});

it("an endpoint that comes in a pause is known when the proxy listens next; one that comes while it listens, at once", () => {
  const late = new Resolution(clock, none, 0);
  late.advance(100 * S);
  late.update(one, 100 * S);
  expect(late.known).toEqual([]);
  late.advance(143 * S);
  expect(late.known).toEqual([]);
  late.advance(144 * S);
  expect(late.known).toEqual(["a"]);
  const prompt = new Resolution(clock, none, 0);
  prompt.update(one, 2 * S);
  expect(prompt.known).toEqual(["a"]);
});

it("a Service that lost its endpoints is still heard for five idle minutes, and then found late like any empty one", () => {
  const resolution = new Resolution(clock, one, 0);
  resolution.update(none, 10 * S);
  resolution.update(one, 200 * S);
  expect(resolution.known).toEqual(["a"]);
  resolution.update(none, 210 * S);
  resolution.advance(600 * S);
  resolution.update(one, 600 * S);
  expect(resolution.phase).toBe("pausing");
  expect(resolution.known).toEqual([]);
  resolution.advance(660 * S);
  expect(resolution.known).toEqual(["a"]);
});

it("a stream that is idle while there are endpoints is opened again without anyone noticing", () => {
  const resolution = new Resolution(clock, one, 0);
  resolution.advance(3600 * S);
  expect(resolution).toMatchObject({ phase: "open", known: ["a"] });
});

it("a Service that does not exist is an answer too: its endpoints are known as soon as it is there", () => {
  const resolution = new Resolution(clock, { ...none, exists: false }, 0);
  resolution.advance(60 * S);
  resolution.update(one, 60 * S);
  expect(resolution.known).toEqual(["a"]);
});

it("without a clock of discovery every endpoint is known at once, after whatever time", () => {
  const resolution = new Resolution(proxyClock(0), none, 0);
  resolution.advance(1_000_000 * S);
  resolution.update(one, 1_000_000 * S);
  expect(resolution.known).toEqual(["a"]);
});
