import type { Architecture } from "../architecture.js";
import { countOf, filtersOf, upsamplerScale } from "../infer.js";
import type { Scale } from "../options.js";
import type { ParameterShapes } from "../parameters.js";
import { EDSR_PYTORCH } from "../published.js";
import { mdsr } from "./network.js";
import { MDSR_DEFAULTS, type MdsrOptions, mdsrOptions } from "./options.js";

/** The network for several scales of Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPRW 2017. */
export const MDSR = {
  name: "mdsr",
  title: "MDSR",
  options: mdsrOptions,
  defaults: MDSR_DEFAULTS,
  build: mdsr,
  infer: (shapes) => ({
    scale: upsamplerScale(shapes),
    features: filtersOf(shapes, "head"),
    blocks: countOf(shapes, /^body\.(\d+)\.conv1/),
  }),
  conventions: [
    { source: "canonical", range: 255 },
    {
      ...EDSR_PYTORCH,
      source: "edsr-pytorch",
      names: {
        "head.0": "head",
        "pre_process.0.{block}.body.0": "pre_process.{block}.conv1",
        "pre_process.0.{block}.body.2": "pre_process.{block}.conv2",
        "body.{block}.body.0": "body.{block}.conv1",
        "body.{block}.body.2": "body.{block}.conv2",
        "body.{blocks}": "body_conv",
        "upsample.0.0": "upsampler.blocks.0",
        "upsample.0.2": "upsampler.blocks.1",
        "tail.0": "tail",
      },
      perScale: { before: ["pre_process.", "upsample."], chosen: "0", scaleOf },
    },
  ],
  publishedSource: () => "edsr-pytorch",
  overrides: [] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: () => [],
} satisfies Architecture<MdsrOptions>;

/** Its code counts scales in the order in which it was given them, so that only the upsamplers' shapes tell them. */
function scaleOf(number: number, numbered: ParameterShapes): Scale | undefined {
  const [filters, features] = numbered.get(`upsample.${number}.0.weight`) ?? [];
  if (filters === undefined || features === undefined) return undefined;
  if (numbered.has(`upsample.${number}.2.weight`)) return 4;
  return filters === 9 * features ? 3 : 2;
}
