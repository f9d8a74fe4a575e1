import type { Architecture } from "../architecture.js";
import { countOf, filtersOf, shuffleScale } from "../infer.js";
import { SCALES } from "../options.js";
import type { ParameterShapes } from "../parameters.js";
import { srvgg } from "./network.js";
import { SRVGG_DEFAULTS, type SrvggOptions, srvggOptions } from "./options.js";

/** The compact network of Wang et al., Real-ESRGAN, ICCVW 2021. */
export const SRVGG = {
  name: "srvgg",
  title: "SRVGGNetCompact",
  options: srvggOptions,
  defaults: SRVGG_DEFAULTS,
  build: srvgg,
  infer,
  conventions: [
    { source: "canonical", range: 1 },
    {
      source: "real-esrgan",
      names: { "body.{layer*2}": "body.{layer}", "body.{layer*2+1}": "slopes.{layer}" },
      wrapper: "params",
      range: 1,
    },
  ],
  publishedSource: () => "real-esrgan",
  overrides: [] as const,
  summarise: ({ layers, features }) => `${layers} layers of ${features} features`,
  facts: () => [],
} satisfies Architecture<SrvggOptions>;

function infer(shapes: ParameterShapes) {
  const convolutions = countOf(shapes, /^body\.(\d+)\.weight$/);
  return {
    scale: shuffleScale<1>(shapes, `body.${convolutions - 1}`, [1, ...SCALES]),
    features: filtersOf(shapes, "body.0"),
    layers: Math.max(1, convolutions - 2),
  };
}
