/** As much of a terminal as the plugin's redrawing needs: what a person would see after some output. */
export class VirtualTerminal {
  readonly columns: number;
  readonly rows: number;
  private screen: string[] = [""];
  private row = 0;
  private column = 0;
  cursorVisible = true;
  /** Characters printed, beside escape sequences: how much was drawn. */
  printed = 0;

  constructor(columns = 100, rows = 40) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    for (const part of text.split(/(\u001b\[\??\d*[A-Za-z]|\r|\n)/)) this.take(part);
  }

  /** Lines from the top, blanks at their ends cut. */
  lines(): string[] {
    return this.screen.map((line) => line.trimEnd());
  }

  private take(part: string): void {
    if (part === "\n") this.newLine();
    else if (part === "\r") this.column = 0;
    else if (part.startsWith("\u001b[")) this.escape(part.slice(2));
    else this.print(part);
  }

  private newLine(): void {
    this.column = 0;
    this.row++;
    while (this.screen.length <= this.row) this.screen.push("");
    if (this.screen.length <= this.rows) return;
    this.screen.shift();
    this.row--;
  }

  /** At the right edge the cursor waits for the next character before it goes on to the next line. */
  private print(text: string): void {
    this.printed += text.length;
    for (let rest = text; rest !== "";) {
      if (this.column === this.columns) this.newLine();
      const part = rest.slice(0, this.columns - this.column);
      const line = (this.screen[this.row] ?? "").padEnd(this.column);
      this.screen[this.row] = line.slice(0, this.column) + part + line.slice(this.column + part.length);
      this.column += part.length;
      rest = rest.slice(part.length);
    }
  }

  /** In the right edge's waiting state this takes the last character, as terminals do. */
  private clearRest(): void {
    this.screen[this.row] = (this.screen[this.row] ?? "").slice(0, Math.min(this.column, this.columns - 1));
  }

  private escape(sequence: string): void {
    if (sequence === "?25l") this.cursorVisible = false;
    else if (sequence === "?25h") this.cursorVisible = true;
    else if (sequence === "K") this.clearRest();
    else if (sequence === "J")
      this.screen = [...this.screen.slice(0, this.row), (this.screen[this.row] ?? "").slice(0, this.column)];
    else if (sequence === "2J") this.screen = [""];
    else if (sequence === "H") this.row = this.column = 0;
    else if (sequence.endsWith("A")) this.row = Math.max(0, this.row - Number(sequence.slice(0, -1)));
    else if (!sequence.endsWith("m")) throw new Error(`unknown sequence ${sequence}`);
  }
}
