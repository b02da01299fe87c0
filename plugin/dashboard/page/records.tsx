/** What was said and what was tried: events, history, and the objects of a Canary. */
import { formatDuration } from "../../../shared/core/format/duration.ts";
import { relative } from "../../terminal/time.ts";
import { outcomeLevels } from "../../view/outcomes.ts";
import type { Node } from "../../view/types.ts";
import type { PageView } from "../types.ts";
import { Copy, Mark, Section, Table, Time } from "./parts.tsx";
import { imagesIn, none } from "./words.ts";

export function Events({ page: { events, eventsRefused }, now }: { page: PageView; now: number }) {
  const note =
    eventsRefused ??
    (events.length === 0 ? "None. Kubernetes keeps them for an hour, unless told otherwise." : undefined);
  return (
    <Section title="Events" {...(note === undefined ? {} : { note })}>
      <ol class="events" tabIndex={0} aria-label="Events, the newest first">
        {events.map(({ name, type, message, count, lastSeenAt }) => (
          <li key={name}>
            <Time at={lastSeenAt} now={now} />
            <span>
              {type === "Warning" ? <Mark level="warn" /> : null} {message}
              {count > 1 ? ` (${count} times)` : ""}
            </span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

export function History({ page: { history }, now }: { page: PageView; now: number }) {
  if (history.length === 0) return null;
  return (
    <Section title="History">
      <Table label="History" head={["Run", "Outcome", "Version", "Asked by", "Started", "Took", "Why"]}>
        {history.map((run) => (
          <tr key={run.run}>
            <th scope="row">{run.run}</th>
            <td>
              <Mark level={outcomeLevels[run.outcome] ?? "warn"} /> {run.outcome}
            </td>
            <td>{imagesIn(run.images)}</td>
            <td>{run.requestedBy || "unknown"}</td>
            <td>
              <Time at={run.startedAt} now={now} />
            </td>
            <td>{run.durationSeconds === null ? none : formatDuration(run.durationSeconds * 1_000)}</td>
            <td class="why">{run.reason}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}

export function Objects({ page: { canary } }: { page: PageView }) {
  if (!canary.tree) return null;
  return (
    <Section title="Objects">
      <Nodes nodes={canary.tree} />
    </Section>
  );
}

/** The commands of `status`, for a terminal. */
export function Commands({ page: { canary }, now }: { page: PageView; now: number }) {
  const { advice, lastCommand } = canary;
  return (
    <Section title="On a terminal">
      {lastCommand ? (
        <p class="note">
          {`Last: ${lastCommand.verb}${lastCommand.by ? ` by ${lastCommand.by}` : ""} ${relative(lastCommand.at, now)}, ${lastCommand.accepted ? "accepted" : "refused"}: ${lastCommand.message}`}
        </p>
      ) : null}
      {advice.length === 0 ? <p class="note">There is nothing to do.</p> : null}
      <ul class="commands">
        {advice.map(({ command, effect }) => (
          <li key={command}>
            <span class="note">{effect}</span>
            <div class="copied">
              <code>{command}</code>
              <Copy text={command} what={`the command: ${effect}`} />
            </div>
          </li>
        ))}
      </ul>
    </Section>
  );
}

// --- internal ---

function Nodes({ nodes }: { nodes: readonly Node[] }) {
  return (
    <ul class="tree">
      {nodes.map(({ kind, name, ready, desired, note, children }) => (
        <li key={`${kind}/${name}`}>
          <span class="object">{`${kind}/${name}`}</span>{" "}
          {ready === null || desired === null ? null : (
            <span class={ready < desired ? "few" : ""}>{`${ready}/${desired}`}</span>
          )}{" "}
          <span class="note">{note}</span>
          {children.length > 0 ? <Nodes nodes={children} /> : null}
        </li>
      ))}
    </ul>
  );
}
