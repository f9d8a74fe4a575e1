import type { Convention } from "../architecture.js";
import { CARN_SCALES } from "../carn/published.js";
import type { CarnMOptions } from "./options.js";

export const carnMConventions: readonly Convention<CarnMOptions>[] = [
  { source: "canonical", range: 1 },
  {
    source: "carn-pytorch",
    names: {
      entry: "head",
      "b{unit+1}.b1.body.0": "body.units.{unit}.block.conv1",
      "b{unit+1}.b1.body.2": "body.units.{unit}.block.conv2",
      "b{unit+1}.b1.body.4": "body.units.{unit}.block.pointwise",
      "b{unit+1}.c{block+1}.body.0": "body.units.{unit}.fuse.{block}",
      "c{unit+1}.body.0": "body.fuse.{unit}",
      "upsample.up.body.0": "upsampler.blocks.0",
      "upsample.up.body.3": "upsampler.blocks.1",
      exit: "tail",
    },
    meanLayers: ["sub_mean.shifter", "add_mean.shifter"],
    perScale: CARN_SCALES,
    range: 1,
  },
];
