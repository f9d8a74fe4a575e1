import type { Architecture } from "../architecture.js";
import { LEAST_ATTENDED } from "../attention.js";
import { countOf, filtersOf, shuffleScale } from "../infer.js";
import { rfdn } from "./network.js";
import { RFDN_DEFAULTS, type RfdnOptions, rfdnOptions } from "./options.js";

/** Liu, Tang and Wu, Residual Feature Distillation Network for Lightweight Image Super-Resolution, ECCVW 2020. */
export const RFDN = {
  name: "rfdn",
  title: "RFDN",
  options: rfdnOptions,
  defaults: RFDN_DEFAULTS,
  build: rfdn,
  infer: (shapes) => ({
    scale: shuffleScale(shapes, "tail"),
    features: filtersOf(shapes, "head"),
    blocks: countOf(shapes, /^blocks\.(\d+)\./, 30),
    distilled: filtersOf(shapes, "blocks.0.distil1"),
    attention: filtersOf(shapes, "blocks.0.attention.reduce"),
  }),
  minimum: LEAST_ATTENDED,
  conventions: [
    { source: "canonical", range: 255 },
    {
      source: "rfdn",
      names: {
        fea_conv: "head",
        "B{block+1}.c1_d": "blocks.{block}.distil1",
        "B{block+1}.c2_d": "blocks.{block}.distil2",
        "B{block+1}.c3_d": "blocks.{block}.distil3",
        "B{block+1}.c4": "blocks.{block}.distil4",
        "B{block+1}.c1_r": "blocks.{block}.conv1",
        "B{block+1}.c2_r": "blocks.{block}.conv2",
        "B{block+1}.c3_r": "blocks.{block}.conv3",
        "B{block+1}.c5": "blocks.{block}.fuse",
        "B{block+1}.esa.conv1": "blocks.{block}.attention.reduce",
        "B{block+1}.esa.conv2": "blocks.{block}.attention.stride",
        "B{block+1}.esa.conv_max": "blocks.{block}.attention.conv1",
        "B{block+1}.esa.conv3": "blocks.{block}.attention.conv2",
        "B{block+1}.esa.conv3_": "blocks.{block}.attention.conv3",
        "B{block+1}.esa.conv4": "blocks.{block}.attention.expand",
        "B{block+1}.esa.conv_f": "blocks.{block}.attention.skip",
        "c.0": "fuse",
        LR_conv: "body_conv",
        "upsampler.0": "tail",
      },
      range: 255,
    },
  ],
  publishedSource: () => "rfdn",
  overrides: [] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: ({ distilled, attention }) => [
    ["distilled", `${distilled} channels a step`],
    ["attention", `${attention} channels`],
  ],
} satisfies Architecture<RfdnOptions>;
