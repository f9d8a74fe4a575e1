import type { Convention } from "../architecture.js";
import { CARN_PYTORCH } from "../carn/published.js";
import type { CarnMOptions } from "./options.js";

export const carnMConventions: readonly Convention<CarnMOptions>[] = [
  { source: "canonical", range: 1 },
  {
    ...CARN_PYTORCH,
    names: {
      ...CARN_PYTORCH.names,
      "b{unit+1}.b1.body.0": "body.units.{unit}.block.conv1",
      "b{unit+1}.b1.body.2": "body.units.{unit}.block.conv2",
      "b{unit+1}.b1.body.4": "body.units.{unit}.block.pointwise",
    },
  },
];
