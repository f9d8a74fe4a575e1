import type { Architecture } from "../architecture.js";
import { countOf, filtersOf, upsamplerScale } from "../infer.js";
import type { ParameterShapes } from "../parameters.js";
import { rcan } from "./network.js";
import { RCAN_DEFAULTS, type RcanOptions, rcanOptions } from "./options.js";
import { rcanConventions } from "./published.js";

/** Zhang et al., Image Super-Resolution Using Very Deep Residual Channel Attention Networks, ECCV 2018. */
export const RCAN = {
  name: "rcan",
  title: "RCAN",
  options: rcanOptions,
  defaults: RCAN_DEFAULTS,
  build: rcan,
  infer,
  conventions: rcanConventions,
  publishedSource: () => "rcan",
  overrides: [] as const,
  summarise: ({ groups, blocks, features }) => `${groups} groups of ${blocks} blocks of ${features} features`,
  facts: ({ reduction }) => [["reduction", String(reduction)]],
} satisfies Architecture<RcanOptions>;

function infer(shapes: ParameterShapes) {
  const features = filtersOf(shapes, "head");
  const groups = countOf(shapes, /^body\.(\d+)\./);
  const blocks = countOf(shapes, /^body\.\d+\.body\.(\d+)\.conv1/);
  return {
    scale: upsamplerScale(shapes),
    features,
    groups,
    // Names that would need more tensors than there are don't fit anyway.
    blocks: groups * blocks <= shapes.size ? blocks : 1,
    reduction: Math.max(1, Math.floor(features / filtersOf(shapes, "body.0.body.0.down"))),
  };
}
