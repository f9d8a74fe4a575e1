import type { Architecture } from "../architecture.js";
import { channelsOf, countOf, filtersOf } from "../infer.js";
import { KAIR_CHAIN } from "../published.js";
import { ffdnet } from "./network.js";
import { FFDNET_DEFAULTS, type FfdnetOptions, ffdnetOptions } from "./options.js";

/** Zhang, Zuo and Zhang, FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising, TIP 2018. */
export const FFDNET = {
  name: "ffdnet",
  title: "FFDNet",
  options: ffdnetOptions,
  defaults: FFDNET_DEFAULTS,
  build: ffdnet,
  infer: (shapes) => ({
    scale: 1,
    channels: channelsOf(shapes, "body.0") === 5 ? 1 : 3,
    features: filtersOf(shapes, "body.0"),
    layers: Math.max(2, countOf(shapes, /^body\.(\d+)\.weight$/)),
  }),
  conventions: [{ source: "canonical", range: 1 }, KAIR_CHAIN],
  publishedSource: () => "kair",
  overrides: ["noise"] as const,
  asked: ["noise"],
  summarise: ({ layers, features, channels }) =>
    `${layers} layers of ${features} features, ${channels === 1 ? "grey" : "colour"}`,
  facts: ({ noise }) => [["noise", `${noise} of 255`, "noise"]],
} satisfies Architecture<FfdnetOptions>;
