/** A diagnosis as text: each fault with its evidence and its cure, and one line at the end. Pure. */
import { paint, printable, type Style, symbol, wrap } from "../../terminal/style.ts";
import { type DoctorView, faults } from "./facts.ts";

const indent = 8;

export function renderDoctor(raw: DoctorView, style: Style): string {
  const view = printable(raw);
  const blocks = view.findings.map((finding) => {
    const tone = finding.level === "broken" ? "bad" : "warn";
    const whose = view.targets.length > 1 ? `${finding.target}: ` : "";
    return [
      paint(style, tone, wrap(`${symbol(style, tone)} ${whose}${finding.what}`, style.width, 2)),
      `  ${paint(style, "dim", "seen:")} ${wrap(finding.evidence, style.width, indent)}`,
      // A command is never wrapped: people paste it.
      `  ${paint(style, "dim", "cure:")} ${finding.cure}`,
    ].join("\n");
  });
  const unread = view.unread.map((sentence) => wrap(`? ${sentence}`, style.width, 2));
  return `${[...blocks, [...unread, summary(view, style)].join("\n")].join("\n\n")}\n`;
}

// --- internal ---

function summary(view: DoctorView, style: Style): string {
  const broken = view.findings.filter(({ level }) => level === "broken").length;
  const warnings = view.findings.length - broken;
  const looked = `${faults.length} kinds of fault looked for in ${view.targets.join(", ") || "the installation"}`;
  const warned = warnings > 0 ? `, ${warnings} ${warnings === 1 ? "warning" : "warnings"}` : "";
  if (broken > 0) return `${broken} broken${warned}; ${looked}.`;
  return `${paint(style, "good", symbol(style, "good"))} nothing is broken${warned}; ${looked}.`;
}
