import type { Architecture } from "../architecture.js";
import { channelsOf, filtersOf, upsamplerScale } from "../infer.js";
import { carnM } from "./network.js";
import { CARN_M_DEFAULTS, type CarnMOptions, carnMOptions } from "./options.js";
import { carnMConventions } from "./published.js";

/** The light one of Ahn et al., Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network, ECCV 2018. */
export const CARN_M = {
  name: "carn-m",
  title: "CARN-M",
  options: carnMOptions,
  defaults: CARN_M_DEFAULTS,
  build: carnM,
  infer: (shapes) => {
    const features = filtersOf(shapes, "head");
    const groups = features / channelsOf(shapes, "body.units.0.block.conv1");
    return { scale: upsamplerScale(shapes), features, groups: Number.isInteger(groups) ? groups : 1 };
  },
  conventions: carnMConventions,
  publishedSource: () => "carn-pytorch",
  overrides: [] as const,
  summarise: ({ features, groups }) => `${features} features in ${groups} groups`,
  facts: () => [],
} satisfies Architecture<CarnMOptions>;
