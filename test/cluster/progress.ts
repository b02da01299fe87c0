// Shows how far a set of builds is: a live block of lines on a terminal, append-only lines everywhere else.
import type { WriteStream } from "node:tty";

type Stage = "waiting" | "downloading" | "compiling" | "done" | "failed";

interface Line {
  stage: Stage;
  startedMs: number;
  seconds: number;
  note: string;
}

export interface Progress {
  /** Reports where one artefact stands; `note` is a few words such as a number of packages. */
  report(name: string, stage: Stage, note?: string): void;
  /** Stops redrawing; the last state stays on the screen. */
  close(): void;
}

const REDRAW_MS = 250;

/** One line of the display, without colour: name, stage, seconds and note. */
export function formatLine(name: string, line: Omit<Line, "startedMs">, width: number): string {
  const time = line.stage === "waiting" ? "" : `${line.seconds.toFixed(0)} s`;
  return `  ${name.padEnd(width)}  ${line.stage.padEnd(11)}  ${time.padStart(5)}  ${line.note}`.trimEnd();
}

/** The display for `names`; live when `out` is a terminal. */
export function showProgress(names: readonly string[], out: NodeJS.WriteStream = process.stderr): Progress {
  const lines = new Map<string, Line>(
    names.map((name) => [name, { stage: "waiting", startedMs: 0, seconds: 0, note: "" }]),
  );
  const width = Math.max(...names.map((name) => name.length));
  return out.isTTY ? liveDisplay(lines, width, out) : plainDisplay(lines, width, out);
}

function update(lines: Map<string, Line>, name: string, stage: Stage, note: string): boolean {
  const line = lines.get(name);
  if (!line || line.stage === "done") return false;
  const changed = line.stage !== stage;
  if (line.stage === "waiting" && changed) line.startedMs = performance.now();
  line.seconds = (performance.now() - line.startedMs) / 1000;
  line.stage = stage;
  line.note = note;
  return changed;
}

function plainDisplay(lines: Map<string, Line>, width: number, out: NodeJS.WriteStream): Progress {
  const begun = new Set<string>();
  return {
    report(name, stage, note = "") {
      const changed = update(lines, name, stage, note);
      const line = lines.get(name);
      // Downloads alternate with compiling; the live display shows them, a log needs the start and the end.
      const worthALine = stage === "done" || stage === "failed" || (stage === "compiling" && !begun.has(name));
      if (!changed || !line || !worthALine) return;
      begun.add(name);
      out.write(`${formatLine(name, line, width)}\n`);
    },
    close: () => undefined,
  };
}

function liveDisplay(lines: Map<string, Line>, width: number, out: WriteStream): Progress {
  let drawn = 0;
  const draw = (): void => {
    const now = performance.now();
    const text = [...lines].map(([name, line]) => {
      if (line.stage === "compiling" || line.stage === "downloading") line.seconds = (now - line.startedMs) / 1000;
      return `\x1b[2K${formatLine(name, line, width).slice(0, out.columns || 80)}\n`;
    });
    out.write((drawn ? `\x1b[${drawn}A` : "") + text.join(""));
    drawn = text.length;
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  return {
    report: (name, stage, note = "") => void update(lines, name, stage, note),
    close() {
      clearInterval(timer);
      draw();
    },
  };
}
