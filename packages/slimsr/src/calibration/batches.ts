import { elements } from "@slimsr/core/internal/graph/index.js";
import type { Descriptor } from "@slimsr/core/internal/model/descriptor.js";

/** Images of one size, one after another: N · C · height · width values in 0..255, of one channel or three. */
export interface Patches {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Shape of `count` of the patches. */
export const patchShape = (
  { height, width, data, count: all }: Patches,
  count: number,
): [number, number, number, number] => [count, data.length / (all * height * width), height, width];

/** The patches from `start` up to `end`. */
export function somePatches(patches: Patches, start: number, end: number): Patches {
  const each = elements(patchShape(patches, 1));
  const to = Math.min(end, patches.count);
  return { ...patches, count: to - start, data: patches.data.slice(start * each, to * each) };
}

/** The patches in batches of nearly equal sizes, at most `largest` each. */
export function batchesOf(patches: Patches, largest: number): Patches[] {
  const batches = Math.ceil(patches.count / largest);
  const cut = (at: number) => Math.floor((at * patches.count) / batches);
  return Array.from({ length: batches }, (_, i) => somePatches(patches, cut(i), cut(i + 1)));
}

/** Patches of 0..255 in the range of a network's images. */
export const inRange = ({ range }: Pick<Descriptor, "range">, patches: Patches): Patches =>
  range === 255 ? patches : { ...patches, data: patches.data.map((value) => (value * range) / 255) };
