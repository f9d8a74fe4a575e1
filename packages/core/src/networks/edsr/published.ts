import type { Convention } from "../architecture.js";
import { BASICSR, BASICSR_FRAME, CSD, EDSR_PYTORCH, SEQUENTIAL_TAIL } from "../published.js";
import type { EdsrOptions } from "./options.js";

/** The paper scales residuals by 0.1 in its large network of 256 features, and in no other. */
const paper = (features: number) => ({ resScale: features === 256 ? 0.1 : 1 });

export const edsrConventions: readonly Convention<EdsrOptions>[] = [
  { source: "canonical", range: 255, assumed: paper },
  {
    ...EDSR_PYTORCH,
    source: "edsr-pytorch",
    names: {
      "head.0": "head",
      "body.{block}.body.0": "body.{block}.conv1",
      "body.{block}.body.2": "body.{block}.conv2",
      "body.{blocks}": "body_conv",
      ...SEQUENTIAL_TAIL,
    },
    assumed: paper,
  },
  {
    ...BASICSR,
    names: {
      ...BASICSR_FRAME,
      "body.{block}.conv1": "body.{block}.conv1",
      "body.{block}.conv2": "body.{block}.conv2",
    },
    assumed: paper,
  },
  {
    ...CSD,
    names: {
      head: "head",
      "body.{block}.conv1": "body.{block}.conv1",
      "body.{block}.conv2": "body.{block}.conv2",
      body_conv: "body_conv",
      "upsampler.blocks.{step}": "upsampler.blocks.{step}",
      tail_conv: "tail",
    },
    assumed: () => ({ resScale: 0.1 }),
  },
];
