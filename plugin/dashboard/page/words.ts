/** Numbers, times and names as the page shows them. Pure. */
import { milliseconds } from "../../../shared/core/format/milliseconds.ts";
import type { CanaryView } from "../../view/types.ts";

export const none = "–";

export const percent = (value: number | null, digits = 2): string =>
  value === null ? none : `${value.toFixed(digits)}%`;
export const perSecond = (value: number | null): string => (value === null ? none : `${value.toFixed(1)}/s`);
export const latency = (value: number | null): string => (value === null ? none : milliseconds(value));
export const whole = (value: number | null): string => (value === null ? none : String(Math.round(value)));

/** `03:00:12`, as this machine's clock has it. */
export function clockTime(time: string | number): string {
  const date = new Date(time);
  const two = (part: number): string => String(part).padStart(2, "0");
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

/** `podinfo:1.7.1`, without registry and path. */
export const shortImage = (image: string): string => image.replace(/^.*\//, "");

export function imagesIn(images: Readonly<Record<string, string>> | null): string {
  const entries = Object.entries(images ?? {});
  if (entries.length === 0) return none;
  if (entries.length === 1) return shortImage(entries[0]?.[1] ?? "");
  return entries.map(([container, image]) => `${container}=${shortImage(image)}`).join(", ");
}

/** `podinfo:1.7.0 > podinfo:1.7.1` of the containers that differ. */
export function changeIn({ images, unvetted }: Pick<CanaryView, "images" | "unvetted">): string {
  const next = images.canary ?? unvetted?.images;
  const { stable } = images;
  if (!next) return imagesIn(stable);
  const changed = Object.keys({ ...stable, ...next }).filter((name) => stable[name] !== next[name]);
  if (changed.length === 0) return `${imagesIn(stable)}, another template`;
  const of = (image: string | undefined): string => (image === undefined ? "none" : shortImage(image));
  return changed.map((name) => `${of(stable[name])} > ${of(next[name])}`).join(", ");
}

export const weightIn = ({ route, canaryWeightPercent }: Pick<CanaryView, "route" | "canaryWeightPercent">): number =>
  route?.canaryPercent ?? canaryWeightPercent;
