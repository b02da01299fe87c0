/** Images of a version, short enough to read. Pure. */

/** `podinfod=quay.io/x/podinfo:1.7.1`; the container's name only where there are several. */
export function imagesText(images: Readonly<Record<string, string>>): string {
  const entries = Object.entries(images);
  if (entries.length === 1) return entries[0]?.[1] ?? "";
  return entries.map(([container, image]) => `${container}=${image}`).join(", ");
}

/** Containers whose image differs between the two versions. */
export function changedContainers(
  stable: Readonly<Record<string, string>>,
  canary: Readonly<Record<string, string>>,
): string[] {
  return Object.keys({ ...stable, ...canary }).filter((container) => stable[container] !== canary[container]);
}

/** What was typed means the image: whole, or its end from a slash on (`podinfo:1.7.1`). */
export function isImage(typed: string, image: string): boolean {
  return image === typed || image.endsWith(`/${typed}`);
}
