import type { Architecture } from "../architecture.js";
import { countOf, filtersOf, shuffleScale } from "../infer.js";
import { imdn } from "./network.js";
import { IMDN_DEFAULTS, type ImdnOptions, imdnOptions } from "./options.js";
import { imdnConventions, imdnSource } from "./published.js";

/** Hui et al., Lightweight Image Super-Resolution with Information Multi-distillation Network, ACM MM 2019. */
export const IMDN = {
  name: "imdn",
  title: "IMDN",
  options: imdnOptions,
  defaults: IMDN_DEFAULTS,
  build: imdn,
  infer: (shapes) => ({
    scale: shuffleScale(shapes, "tail"),
    features: Math.max(4, filtersOf(shapes, "head")),
    blocks: countOf(shapes, /^blocks\.(\d+)\./, 10),
    variant: shapes.has("fuse.weight") ? "original" : "kair",
  }),
  conventions: imdnConventions,
  publishedSource: imdnSource,
  overrides: [] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: ({ variant }) => [["variant", variant]],
} satisfies Architecture<ImdnOptions>;
