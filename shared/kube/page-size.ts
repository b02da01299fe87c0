/** Lists are read page by page, so that of thousands of objects less than all need be in memory at once. */

/** Objects; each is less than 2 MB. */
const leastOfPage = 4;
/** Bytes of an answer, which is text, and then objects, before anything of it is let go. */
export const mostOfPage = 8 * 1_024 * 1_024;

/** How many objects are asked for at once: of those that are a megabyte each, few. */
export class PageSize {
  private readonly most: number;
  limit: number;

  /** 0: all at once, whatever they take. */
  constructor(most: number) {
    this.most = most;
    this.limit = most;
  }

  get isLeast(): boolean {
    return this.limit <= leastOfPage;
  }

  read(length: number): void {
    if (length < mostOfPage / 4) this.limit = Math.min(this.most, this.limit * 2);
  }

  tooMany(): void {
    this.limit = Math.max(leastOfPage, Math.floor(this.limit / 8));
  }
}
