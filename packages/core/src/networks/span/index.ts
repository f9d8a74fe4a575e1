import type { Architecture } from "../architecture.js";
import { filtersOf, shuffleScale } from "../infer.js";
import { span } from "./network.js";
import { SPAN_DEFAULTS, type SpanOptions, spanOptions } from "./options.js";

/** Wan et al., Swift Parameter-free Attention Network for Efficient Super-Resolution, CVPRW 2024. */
export const SPAN = {
  name: "span",
  title: "SPAN",
  options: spanOptions,
  defaults: SPAN_DEFAULTS,
  build: span,
  infer: (shapes) => ({ scale: shuffleScale(shapes, "tail"), features: filtersOf(shapes, "head") }),
  conventions: [
    { source: "canonical", range: 255 },
    {
      source: "span",
      names: {
        "conv_1.eval_conv": "head",
        "block_{block+1}.c1_r.eval_conv": "blocks.{block}.conv1",
        "block_{block+1}.c2_r.eval_conv": "blocks.{block}.conv2",
        "block_{block+1}.c3_r.eval_conv": "blocks.{block}.conv3",
        "conv_2.eval_conv": "body_conv",
        conv_cat: "fuse",
        "upsampler.0": "tail",
      },
      wrapper: "params_ema",
      range: 255,
    },
  ],
  publishedSource: () => "span",
  overrides: [] as const,
  summarise: ({ features }) => `${features} features`,
  facts: () => [],
} satisfies Architecture<SpanOptions>;
