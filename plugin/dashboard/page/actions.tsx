/** What a person can do, each behind a dialog that says what will happen. */
import { useEffect, useRef, useState } from "preact/hooks";
import { shownSafely } from "./live.ts";
import type { ActionAnswer, ActionRequest, ActionView, DashboardVerb, PageView } from "../types.ts";

const labels: Record<DashboardVerb, string> = {
  promote: "Promote",
  rollback: "Roll back",
  pause: "Pause",
  resume: "Resume",
  retry: "Retry",
};

export function Actions({ page, mayAct }: { page: PageView; mayAct: boolean }) {
  const [asked, ask] = useState<{ action: ActionView; run: string | null }>();
  const [said, say] = useState<ActionAnswer>();
  const { canary, actions } = page;
  if (!mayAct) return actions.length === 0 ? null : <ReadOnly />;
  return (
    <div class="actions">
      <div role="group" aria-label="Commands">
        {actions.map((action) => (
          <button
            key={action.verb}
            type="button"
            class={action.verb}
            onClick={() => {
              say(undefined);
              ask({ action, run: canary.run?.id ?? null });
            }}
          >
            {labels[action.verb]} …
          </button>
        ))}
      </div>
      <p role="status" class={said ? `answer ${said.accepted ? "good" : "bad"}` : "answer"}>
        {said ? `${said.accepted ? "" : "Refused. "}${said.message}` : ""}
      </p>
      {asked ? (
        <Confirm
          key={asked.action.verb}
          action={asked.action}
          request={{ namespace: canary.namespace, name: canary.name, verb: asked.action.verb, run: asked.run }}
          onEnd={(answer) => {
            ask(undefined);
            say(answer);
          }}
        />
      ) : null}
    </div>
  );
}

// --- internal ---

function ReadOnly() {
  return (
    <p class="note">
      This page is read-only. Start it with <code>--allow-actions</code> to steer from here, or use the commands below.
    </p>
  );
}

interface Confirming {
  action: ActionView;
  request: ActionRequest;
  /** Without an answer: cancelled. */
  onEnd: (answer?: ActionAnswer) => void;
}

/** The browser's own modal dialog: focus stays in it, Escape cancels, and focus returns. */
function Confirm({ action, request, onEnd }: Confirming) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [isSent, setSent] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const confirm = (event: Event): void => {
    event.preventDefault();
    if (isSent) return;
    setSent(true);
    void give({ ...request, ...(reason.trim() === "" ? {} : { reason: reason.trim() }) }).then(end);
  };
  /** Closed before it goes: the browser gives the focus back then. */
  const end = (answer?: ActionAnswer): void => {
    dialog.current?.close();
    onEnd(answer);
  };
  const cancel = (event: Event): void => {
    event.preventDefault();
    end();
  };
  const label = labels[action.verb];
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onCancel={cancel}>
      <form onSubmit={confirm}>
        <h2 id="confirm-title">{`${label} ${request.name}?`}</h2>
        <ul>
          {action.consequences.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
        <label>
          Why, for the history (optional)
          <input type="text" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <div class="buttons">
          <button type="button" onClick={() => end()}>
            Cancel
          </button>
          <button type="submit" class={action.verb} aria-disabled={isSent}>
            {isSent ? "Waiting for the controller …" : label}
          </button>
        </div>
      </form>
    </dialog>
  );
}

async function give(request: ActionRequest): Promise<ActionAnswer> {
  try {
    const answer = await fetch("api/actions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    if (answer.ok) return shownSafely((await answer.json()) as ActionAnswer);
    return { accepted: false, message: shownSafely((await answer.text()).trim()) };
  } catch {
    return { accepted: false, message: "The dashboard's server does not answer: is it still running?" };
  }
}
