import type { Architecture } from "../architecture.js";
import { countOf, filtersOf, shuffleScale } from "../infer.js";
import type { ParameterShapes } from "../parameters.js";
import { plainusr, WINDOW } from "./network.js";
import { PLAINUSR_DEFAULTS, type PlainusrOptions, plainusrOptions } from "./options.js";

/** Wang et al., PlainUSR: Chasing Faster ConvNet for Efficient Super-Resolution, ACCV 2024; re-parameterised. */
export const PLAINUSR = {
  name: "plainusr",
  title: "PlainUSR",
  options: plainusrOptions,
  defaults: PLAINUSR_DEFAULTS,
  build: plainusr,
  infer,
  minimum: WINDOW,
  conventions: [
    { source: "canonical", range: 1 },
    {
      source: "plainusr",
      names: {
        head: "head",
        "block{block+1}.body.{layer*2}": "blocks.{block}.conv{layer}",
        "block{block+1}.body.{layers*2+1}.body.0": "blocks.{block}.attention.conv0",
        "block{block+1}.body.{layers*2+1}.body.2": "blocks.{block}.attention.conv1",
        "block{block+1}.body.{layers*2+1}.body.3": "blocks.{block}.attention.conv2",
        "blockm.body.{layer*2}": "middle.conv{layer}",
        "blockm.body.{layers*2+1}.body.0": "middle.attention.conv0",
        "blockm.body.{layers*2+1}.body.2": "middle.attention.conv1",
        "blockm.body.{layers*2+1}.body.3": "middle.attention.conv2",
        "tail.0": "tail",
      },
      range: 1,
    },
  ],
  publishedSource: () => "plainusr",
  overrides: [] as const,
  summarise: ({ changed, features }) => `${changed.length} blocks of ${features} features`,
  facts: ({ changed, attention }) => [
    ["changed", `${changed.join(", ")} channels`],
    ["attention", attention === 0 ? "a gate" : `${attention} channels`],
  ],
} satisfies Architecture<PlainusrOptions>;

function infer(shapes: ParameterShapes) {
  const outer = shapes.has("blocks.0.conv0.weight") ? countOf(shapes, /^blocks\.(\d+)\.conv0\.weight$/, 4) : 0;
  const features = filtersOf(shapes, "head");
  const changedBy = (name: string): number => Math.min(features, filtersOf(shapes, `${name}.conv0`));
  const around = Array.from({ length: outer }, (_, b) => changedBy(`blocks.${b}`));
  const importance = shapes.has("middle.attention.conv1.weight");
  return {
    scale: shuffleScale(shapes, "tail"),
    features,
    changed: around.toSpliced(Math.floor(outer / 2), 0, changedBy("middle")),
    layers: Math.max(1, countOf(shapes, /^middle\.conv(\d+)\.weight$/) - 1),
    attention: importance ? filtersOf(shapes, "middle.attention.conv0") : 0,
  };
}
