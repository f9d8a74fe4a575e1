import type { Architecture } from "../architecture.js";
import { LEAST_ATTENDED } from "../attention.js";
import { countOf, filtersOf, shuffleScale } from "../infer.js";
import { rlfn } from "./network.js";
import { RLFN_DEFAULTS, type RlfnOptions, rlfnOptions } from "./options.js";

/** Kong et al., Residual Local Feature Network for Efficient Super-Resolution, CVPRW 2022. */
export const RLFN = {
  name: "rlfn",
  title: "RLFN",
  options: rlfnOptions,
  defaults: RLFN_DEFAULTS,
  build: rlfn,
  infer: (shapes) => ({
    scale: shuffleScale(shapes, "tail"),
    features: filtersOf(shapes, "head"),
    blocks: countOf(shapes, /^blocks\.(\d+)\./, 18),
    within: filtersOf(shapes, "blocks.0.conv1"),
    attention: filtersOf(shapes, "blocks.0.attention.reduce"),
  }),
  minimum: LEAST_ATTENDED,
  conventions: [
    { source: "canonical", range: 255 },
    {
      source: "rlfn",
      names: {
        conv_1: "head",
        "block_{block+1}.c1_r": "blocks.{block}.conv1",
        "block_{block+1}.c2_r": "blocks.{block}.conv2",
        "block_{block+1}.c3_r": "blocks.{block}.conv3",
        "block_{block+1}.c5": "blocks.{block}.fuse",
        "block_{block+1}.esa.conv1": "blocks.{block}.attention.reduce",
        "block_{block+1}.esa.conv2": "blocks.{block}.attention.stride",
        "block_{block+1}.esa.conv3": "blocks.{block}.attention.conv",
        "block_{block+1}.esa.conv4": "blocks.{block}.attention.expand",
        "block_{block+1}.esa.conv_f": "blocks.{block}.attention.skip",
        conv_2: "body_conv",
        "upsampler.0": "tail",
      },
      range: 255,
    },
  ],
  publishedSource: () => "rlfn",
  overrides: [] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: ({ within, attention }) => [
    ["within blocks", `${within} channels`],
    ["attention", `${attention} channels`],
  ],
} satisfies Architecture<RlfnOptions>;
