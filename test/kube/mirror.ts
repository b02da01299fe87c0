/** What a reflector tells, replayed: a change that could not follow from what was told before is a fault. */

export interface Item {
  metadata: {
    name: string;
    namespace: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
  };
  data?: Record<string, string>;
}

export class Mirror {
  readonly objects = new Map<string, Item>();
  /** resourceVersions told as added or changed, in order. */
  readonly versions: string[] = [];
  deletions = 0;
  readonly faults: string[] = [];

  take(old: Item | undefined, now: Item | undefined): void {
    if (this.objects.get(nameOf(old ?? now)) !== old)
      this.fault(old ?? now, "a change from a state that was never told");
    if (old !== undefined && now !== undefined) this.compare(old, now);
    if (now === undefined) this.drop(nameOf(old));
    else this.keep(now);
  }

  private compare(old: Item, now: Item): void {
    if (old.metadata.resourceVersion === now.metadata.resourceVersion) this.fault(now, "told twice");
    if (old.metadata.uid !== now.metadata.uid) this.fault(now, "two objects taken for one");
  }

  private drop(name: string): void {
    this.objects.delete(name);
    this.deletions += 1;
  }

  private keep(item: Item): void {
    this.objects.set(nameOf(item), item);
    this.versions.push(item.metadata.resourceVersion ?? "");
  }

  private fault(item: Item | undefined, what: string): void {
    this.faults.push(`${nameOf(item)}: ${what}`);
  }
}

const nameOf = (item: Item | undefined): string => item?.metadata.name ?? "";
