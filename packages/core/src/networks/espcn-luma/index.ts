import type { Architecture } from "../architecture.js";
import { subpixelNetwork } from "../espcn/network.js";
import { filtersOf } from "../infer.js";
import { inRange } from "../layers.js";
import { SCALES } from "../options.js";
import { ESPCN_LUMA_DEFAULTS, type EspcnLumaOptions, espcnLumaOptions } from "./options.js";

/** ESPCN as its paper has it, of the luma. */
export const ESPCN_LUMA = {
  name: "espcn-luma",
  title: "ESPCN of the luma",
  options: espcnLumaOptions,
  defaults: ESPCN_LUMA_DEFAULTS,
  build: (options, layers, lr) =>
    inRange(lr, options, (image) => subpixelNetwork(options, layers, image, options.channels)),
  infer: (shapes) => ({
    scale: SCALES.find((scale) => filtersOf(shapes, "tail") === scale ** 2) ?? 2,
    channels: 1,
    features: Math.max(2, filtersOf(shapes, "head")),
  }),
  conventions: [
    { source: "canonical", range: 1 },
    {
      source: "espcn-pytorch",
      names: { "first_part.0": "head", "first_part.2": "body", "last_part.0": "tail" },
      range: 1,
    },
  ],
  publishedSource: () => "espcn-pytorch",
  overrides: [] as const,
  summarise: ({ features }) => `${features} features`,
  facts: () => [],
} satisfies Architecture<EspcnLumaOptions>;
