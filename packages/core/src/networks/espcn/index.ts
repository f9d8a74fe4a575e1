import type { Architecture } from "../architecture.js";
import { filtersOf, shuffleScale } from "../infer.js";
import { espcn } from "./network.js";
import { ESPCN_DEFAULTS, type EspcnOptions, espcnOptions } from "./options.js";

/**
 * Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network,
 * CVPR 2016; of RGB instead of luma.
 */
export const ESPCN = {
  name: "espcn",
  title: "ESPCN",
  options: espcnOptions,
  defaults: ESPCN_DEFAULTS,
  build: espcn,
  infer: (shapes) => ({
    scale: shuffleScale(shapes, "tail"),
    features: Math.max(2, filtersOf(shapes, "head")),
  }),
  conventions: [{ source: "canonical", range: 1 }],
  publishedSource: () => "canonical",
  overrides: [] as const,
  summarise: ({ features }) => `${features} features`,
  facts: () => [],
} satisfies Architecture<EspcnOptions>;
