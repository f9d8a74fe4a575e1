import type { Convention } from "../architecture.js";
import { BASICSR, BASICSR_FRAME, CSD, EDSR_PYTORCH, SEQUENTIAL_TAIL } from "../published.js";
import type { RcanOptions } from "./options.js";

export const rcanConventions: readonly Convention<RcanOptions>[] = [
  { source: "canonical", range: 255 },
  {
    ...EDSR_PYTORCH,
    source: "rcan",
    names: {
      "head.0": "head",
      "body.{group}.body.{block}.body.0": "body.{group}.body.{block}.conv1",
      "body.{group}.body.{block}.body.2": "body.{group}.body.{block}.conv2",
      "body.{group}.body.{block}.body.3.conv_du.0": "body.{group}.body.{block}.down",
      "body.{group}.body.{block}.body.3.conv_du.2": "body.{group}.body.{block}.up",
      "body.{group}.body.{blocks}": "body.{group}.conv",
      "body.{groups}": "body_conv",
      ...SEQUENTIAL_TAIL,
    },
  },
  {
    ...BASICSR,
    names: {
      ...BASICSR_FRAME,
      "body.{group}.residual_group.{block}.rcab.0": "body.{group}.body.{block}.conv1",
      "body.{group}.residual_group.{block}.rcab.2": "body.{group}.body.{block}.conv2",
      "body.{group}.residual_group.{block}.rcab.3.attention.1": "body.{group}.body.{block}.down",
      "body.{group}.residual_group.{block}.rcab.3.attention.3": "body.{group}.body.{block}.up",
      "body.{group}.conv": "body.{group}.conv",
    },
  },
  {
    ...CSD,
    names: {
      head_conv: "head",
      "body.{group}.body.{block}.body.0": "body.{group}.body.{block}.conv1",
      "body.{group}.body.{block}.body.1": "body.{group}.body.{block}.conv2",
      "body.{group}.body.{block}.caLayer.conv_du.0": "body.{group}.body.{block}.down",
      "body.{group}.body.{block}.caLayer.conv_du.1": "body.{group}.body.{block}.up",
      "body.{group}.conv": "body.{group}.conv",
      body_conv: "body_conv",
      "upsampler.blocks.{step}": "upsampler.blocks.{step}",
      tail_conv: "tail",
    },
  },
];
