import type { Architecture } from "../architecture.js";
import { channelsOf, countOf, filtersOf } from "../infer.js";
import { KAIR_CHAIN } from "../published.js";
import { dncnn } from "./network.js";
import { DNCNN_DEFAULTS, type DncnnOptions, dncnnOptions } from "./options.js";

/** Zhang et al., Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising, TIP 2017. */
export const DNCNN = {
  name: "dncnn",
  title: "DnCNN",
  options: dncnnOptions,
  defaults: DNCNN_DEFAULTS,
  build: dncnn,
  infer: (shapes) => ({
    scale: 1,
    channels: channelsOf(shapes, "body.0") === 1 ? 1 : 3,
    features: filtersOf(shapes, "body.0"),
    layers: Math.max(2, countOf(shapes, /^body\.(\d+)\.weight$/)),
  }),
  conventions: [{ source: "canonical", range: 1 }, KAIR_CHAIN],
  publishedSource: () => "kair",
  overrides: [] as const,
  summarise: ({ layers, features, channels }) =>
    `${layers} layers of ${features} features, ${channels === 1 ? "grey" : "colour"}`,
  facts: () => [],
} satisfies Architecture<DncnnOptions>;
