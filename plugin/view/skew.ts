/** Whether plugin and controller fit together, by their versions. Pure. */

/** The version that an image's tag says, without its digest. */
export function tagOf(image: string): string {
  return /:([^:/@]+)(@.*)?$/.exec(image)?.[1] ?? "unknown";
}

/** One sentence where the minor versions differ; undefined where they do not, or are none. */
export function skewBetween(client: string, controller: string): string | undefined {
  const minor = (text: string): string | undefined => /^v?(\d+\.\d+)\./.exec(text)?.[1];
  const [mine, its] = [minor(client), minor(controller)];
  if (!mine || !its || mine === its) return undefined;
  return `The plugin is ${mine} and the controller ${its}: use the same minor version on both sides.`;
}
