import type { Architecture } from "../architecture.js";
import { filtersOf, upsamplerScale } from "../infer.js";
import { carn } from "./network.js";
import { CARN_DEFAULTS, type CarnOptions, carnOptions } from "./options.js";
import { carnConventions, carnSource } from "./published.js";

/** Ahn et al., Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network, ECCV 2018. */
export const CARN = {
  name: "carn",
  title: "CARN",
  options: carnOptions,
  defaults: CARN_DEFAULTS,
  build: carn,
  infer: (shapes) => ({ scale: upsamplerScale(shapes), features: filtersOf(shapes, "head") }),
  conventions: carnConventions,
  publishedSource: carnSource,
  overrides: ["variant"] as const,
  summarise: ({ features }) => `${features} features`,
  facts: ({ variant }) => [["variant", variant, "variant"]],
} satisfies Architecture<CarnOptions>;
