import type { Architecture } from "../architecture.js";
import { channelsOf, countOf, filtersOf } from "../infer.js";
import { MAGNIFICATION, rrdbnet } from "./network.js";
import { RRDBNET_DEFAULTS, type RrdbnetOptions, rrdbnetOptions } from "./options.js";
import { rrdbnetConventions } from "./published.js";

/** Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, ECCVW 2018; Real-ESRGAN's unshuffle before it. */
export const RRDBNET = {
  name: "rrdbnet",
  title: "RRDBNet",
  options: rrdbnetOptions,
  defaults: RRDBNET_DEFAULTS,
  build: rrdbnet,
  infer: (shapes) => ({
    scale: ([1, 2] as const).find((scale) => channelsOf(shapes, "head") === 3 * (MAGNIFICATION / scale) ** 2) ?? 4,
    features: filtersOf(shapes, "head"),
    blocks: countOf(shapes, /^body\.(\d+)\.dense/, 30),
    growth: filtersOf(shapes, "body.0.dense0.conv0"),
  }),
  conventions: rrdbnetConventions,
  publishedSource: () => "basicsr",
  overrides: [] as const,
  summarise: ({ blocks, features }) => `${blocks} blocks of ${features} features`,
  facts: ({ growth }) => [["growth", `${growth} channels`]],
} satisfies Architecture<RrdbnetOptions>;
