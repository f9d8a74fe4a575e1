import type { Architecture, Fact } from "../architecture.js";
import { countOf, filtersOf, upsamplerScale } from "../infer.js";
import { edsr } from "./network.js";
import { EDSR_DEFAULTS, type EdsrOptions, edsrOptions } from "./options.js";
import { edsrConventions } from "./published.js";

/** Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017. */
export const EDSR = {
  name: "edsr",
  title: "EDSR",
  options: edsrOptions,
  defaults: EDSR_DEFAULTS,
  build: edsr,
  infer: (shapes) => ({
    scale: upsamplerScale(shapes),
    features: filtersOf(shapes, "head"),
    blocks: countOf(shapes, /^body\.(\d+)\.conv1/),
  }),
  conventions: edsrConventions,
  publishedSource: () => "edsr-pytorch",
  overrides: ["resScale"] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: (options) => [residualScale(options)],
  untold: residualScale,
} satisfies Architecture<EdsrOptions>;

function residualScale({ resScale }: EdsrOptions): Fact {
  return ["residual scale", String(resScale), "resScale"];
}
