import type { Architecture } from "../architecture.js";
import { filtersOf } from "../infer.js";
import { SCALES } from "../options.js";
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
    scale: SCALES.find((scale) => filtersOf(shapes, "tail") === 3 * scale ** 2) ?? 2,
    features: Math.max(2, filtersOf(shapes, "head")),
  }),
  conventions: [{ source: "canonical", range: 1 }],
  publishedSource: () => "canonical",
  overrides: [] as const,
  summarise: ({ features }) => `${features} features`,
  facts: () => [],
} satisfies Architecture<EspcnOptions>;
