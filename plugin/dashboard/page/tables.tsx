/** The tables of one Canary: tracks, checks, the comparison. */
import type { CheckStatus } from "../../../shared/core/objects/canary-status.ts";
import { boundNotes, measuredText, ofLastRun, toldOf } from "../../render/measured.ts";
import { relative } from "../../terminal/time.ts";
import { countingText } from "../../view/counting.ts";
import type { CanaryView } from "../../view/types.ts";
import type { PageView } from "../types.ts";
import { Copy, type Level, Mark, Section, Table } from "./parts.tsx";
import { latency, none, percent, perSecond, whole } from "./words.ts";

export function Tracks({ view, now }: { view: CanaryView; now: number }) {
  const head = ["Track", "Ready", "Weight", "Success", "Requests/s", "P50", "P95", "P99", "Requests"];
  return (
    <Section title="Tracks" note={sentence(measuredText(view, now))}>
      <Table label="Tracks" head={head}>
        {view.tracks.map((track) => (
          <tr key={track.name}>
            <th scope="row">
              <span class={`key ${track.name === "canary" ? "canary" : "primary"}`}>{track.name}</span>
            </th>
            <td>{`${track.ready}/${track.replicas}`}</td>
            <td>{`${track.weightPercent}%`}</td>
            <td>{percent(track.successPercent)}</td>
            <td>{perSecond(track.requestsPerSecond)}</td>
            <td>{latency(track.latencyMsP50)}</td>
            <td>{latency(track.latencyMsP95)}</td>
            <td>{latency(track.latencyMsP99)}</td>
            <td>{whole(track.requests)}</td>
          </tr>
        ))}
      </Table>
      {view.tracks.flatMap(toldOf).map((text) => (
        <p key={text} class="note">
          {sentence(text)}
        </p>
      ))}
    </Section>
  );
}

export function Checks({ view, now }: { view: CanaryView; now: number }) {
  const { checks, failedChecks, failedChecksLimit } = view;
  const [first] = checks;
  if (!first) return null;
  const counted = view.run ? ` ${failedChecks} of ${failedChecksLimit} failed checks until it goes back.` : "";
  const note = `Checked ${relative(first.at, now)}${ofLastRun(view)}.${counted}`;
  return (
    <Section title="Checks" note={note}>
      <ul class="checks">
        {checks.map((check) => (
          <li key={check.metric}>
            <div class="check">
              <Mark level={levelOf(check)} />
              <b>{check.metric}</b>
              <span>{amount(check.value, check.unit)}</span>
              <span class="note">{boundsOf(check)}</span>
              <span class="note">{check.requests === null ? "" : `${whole(check.requests)} requests`}</span>
              <span class="note">{countingText(check)}</span>
            </div>
            {check.outcome === "pass" ? null : <p>{check.why ?? check.message}</p>}
            {check.query === "" ? null : (
              <details>
                <summary>PromQL</summary>
                <div class="copied">
                  <code>{check.query}</code>
                  <Copy text={check.query} what={`the PromQL of ${check.metric}`} />
                </div>
              </details>
            )}
          </li>
        ))}
      </ul>
      {boundNotes(view).map((text) => (
        <p key={text} class="note">
          {sentence(text)}
        </p>
      ))}
    </Section>
  );
}

/** Evidence grows by factors, so its bar is a logarithm: full is the bound at which the controller acts. */
export function Compared({ page: { compared } }: { page: PageView }) {
  if (compared.length === 0) return null;
  const note = "The canary against the primary, over users' requests since it has traffic. Evidence of 1 says nothing.";
  return (
    <Section title="Comparison" note={note}>
      <Table label="Comparison" head={["Compared", "Canary", "Primary", "Margin", "Evidence", "Needed", "Then"]}>
        {compared.map((test) => (
          <tr key={test.test}>
            <th scope="row">{names[test.test]}</th>
            <td>{share(test.canary)}</td>
            <td>{share(test.primary)}</td>
            <td>{`${test.marginPercent}%`}</td>
            <td>
              <meter
                min={0}
                max={1}
                value={part(test.evidence, test.neededEvidence)}
                aria-label="Evidence of the bound"
              >
                {short(test.evidence)}
              </meter>{" "}
              {short(test.evidence)}
            </td>
            <td>{short(test.neededEvidence)}</td>
            <td>{test.action === "hold" ? "waits for a person" : "goes back"}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

// --- internal ---

const levels: Record<CheckStatus["outcome"], Level> = {
  pass: "good",
  fail: "bad",
  "no-evidence": "warn",
  "cannot-ask": "warn",
};

/** What decides nothing alarms nobody. */
const levelOf = ({ outcome, dryRun }: CheckStatus): Level =>
  dryRun && outcome === "fail" ? "warn" : (levels[outcome] ?? "warn");

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;

function amount(value: number | null, unit: CheckStatus["unit"]): string {
  if (unit === "percent") return percent(value);
  if (unit === "milliseconds") return latency(value);
  return value === null ? none : String(Math.round(value * 1_000) / 1_000);
}

function boundsOf({ min, max, unit }: CheckStatus): string {
  const of = (value: number): string =>
    unit === "milliseconds" ? latency(value) : `${value}${unit === "percent" ? "%" : ""}`;
  const bounds = [
    ...(min === undefined ? [] : [`at least ${of(min)}`]),
    ...(max === undefined ? [] : [`at most ${of(max)}`]),
  ];
  return bounds.join(", ");
}

const names: Record<PageView["compared"][number]["test"], string> = {
  failures: "failed",
  slow: "too slow",
  clientErrors: "client errors (4xx)",
  denied: "refused by policy",
};

const share = ({ requests, found }: { requests: number; found: number }): string => `${found} of ${requests}`;

function part(evidence: number, needed: number): number {
  return evidence <= 1 ? 0 : Math.min(1, Math.log(evidence) / Math.log(needed));
}

const short = (evidence: number): string =>
  evidence >= 1e6 ? "over 1000000" : String(Number(evidence.toPrecision(3)));
