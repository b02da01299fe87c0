/**
 * What the bundle has in place of the string-width package where yargs lays out its help. The package makes a segmenter and a
 * pattern of all emoji when it is loaded, a third of a start; our help is ASCII.
 */
const escapes = /\u001b\[[0-9;]*m/g;

export default function stringWidth(text: string): number {
  return text.replace(escapes, "").length;
}
