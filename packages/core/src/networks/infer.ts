import { SCALES, type Scale } from "./options.js";
import type { ParameterShapes } from "./parameters.js";

/** Far more than any layer has: what a hostile file claims stays within whole numbers when it is multiplied. */
const MOST_FILTERS = 2 ** 20;

/** Filters of a layer's convolution; 1 where it is missing or has none. */
export const filtersOf = (shapes: ParameterShapes, layer: string): number =>
  Math.min(Math.max(1, shapes.get(`${layer}.weight`)?.[0] ?? 1), MOST_FILTERS);

/** Channels that a layer's convolution reads in each group; 1 where it is missing. */
export const channelsOf = (shapes: ParameterShapes, layer: string): number =>
  Math.min(Math.max(1, shapes.get(`${layer}.weight`)?.[1] ?? 1), MOST_FILTERS);

/**
 * How many different indices stand in the names that match, in the pattern's first group; at least 1.
 * @param each tensors that a network has for each of them: 1 where they would take more than twice as many as there are, which fits nothing
 */
export function countOf(shapes: ParameterShapes, index: RegExp, each = 1): number {
  const found = new Set([...shapes.keys()].map((name) => index.exec(name)?.[1]));
  found.delete(undefined);
  return found.size * each > 2 * shapes.size ? 1 : Math.max(1, found.size);
}

/** The magnification of `Layers.upsampler`: ×4 is two steps; ×3 has 9 filters to a feature where ×2 has 4. */
export function upsamplerScale(shapes: ParameterShapes): Scale {
  if (shapes.has("upsampler.blocks.1.weight")) return 4;
  return filtersOf(shapes, "upsampler.blocks.0") === 9 * filtersOf(shapes, "head") ? 3 : 2;
}

/** Which of some magnifications a pixel shuffle of a layer's filters to RGB has, 3·r² of them; 2 where they are for none. */
export const shuffleScale = <S extends number = Scale>(
  shapes: ParameterShapes,
  layer: string,
  scales: readonly (S | Scale)[] = SCALES,
): S | Scale => scales.find((scale) => filtersOf(shapes, layer) === 3 * scale ** 2) ?? 2;
