import type { Architecture } from "../architecture.js";
import { countOf, filtersOf } from "../infer.js";
import { fsrcnn } from "./network.js";
import { FSRCNN_DEFAULTS, type FsrcnnOptions, fsrcnnOptions } from "./options.js";

/** Dong, Loy and Tang, Accelerating the Super-Resolution Convolutional Neural Network, ECCV 2016; of the luma. */
export const FSRCNN = {
  name: "fsrcnn",
  title: "FSRCNN",
  options: fsrcnnOptions,
  defaults: FSRCNN_DEFAULTS,
  build: fsrcnn,
  infer: (shapes) => ({
    // The kernels are the same at every scale.
    scale: 2,
    channels: 1,
    features: filtersOf(shapes, "head"),
    shrunk: filtersOf(shapes, "body.0"),
    layers: Math.max(1, countOf(shapes, /^body\.(\d+)\.weight$/) - 2),
  }),
  conventions: [
    { source: "canonical", range: 1 },
    {
      source: "fsrcnn-pytorch",
      names: {
        "first_part.0": "head",
        "first_part.1": "head_slopes",
        "mid_part.{layer*2}": "body.{layer}",
        "mid_part.{layer*2+1}": "slopes.{layer}",
        last_part: "tail",
      },
      range: 1,
    },
  ],
  publishedSource: () => "fsrcnn-pytorch",
  overrides: [] as const,
  asked: ["scale"],
  summarise: ({ features, shrunk, layers }) => `${features} features, ${layers} layers of ${shrunk}, luma`,
  facts: () => [],
} satisfies Architecture<FsrcnnOptions>;
