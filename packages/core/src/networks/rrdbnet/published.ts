import type { Convention } from "../architecture.js";
import type { RrdbnetOptions } from "./options.js";

export const rrdbnetConventions: readonly Convention<RrdbnetOptions>[] = [
  { source: "canonical", range: 1 },
  {
    // Real-ESRGAN's too.
    source: "basicsr",
    names: {
      conv_first: "head",
      "body.{block}.rdb{dense+1}.conv{layer+1}": "body.{block}.dense{dense}.conv{layer}",
      conv_body: "body_conv",
      "conv_up{step+1}": "upsampler.{step}",
      conv_hr: "refine",
      conv_last: "tail",
    },
    wrapper: "params_ema",
    range: 1,
  },
  {
    source: "esrgan",
    names: {
      conv_first: "head",
      "RRDB_trunk.{block}.RDB{dense+1}.conv{layer+1}": "body.{block}.dense{dense}.conv{layer}",
      trunk_conv: "body_conv",
      "upconv{step+1}": "upsampler.{step}",
      HRconv: "refine",
      conv_last: "tail",
    },
    range: 1,
  },
  {
    // As torch.nn.Sequential numbers them.
    source: "kair",
    names: {
      "0": "head",
      "1.sub.{block}.RDB{dense+1}.conv{layer+1}.0": "body.{block}.dense{dense}.conv{layer}",
      "1.sub.{blocks}": "body_conv",
      "3": "upsampler.0",
      "6": "upsampler.1",
      "8": "refine",
      "10": "tail",
    },
    prefix: "model.",
    range: 1,
    refusal: ({ scale }) =>
      scale === 4 ? undefined : "kair's RRDBNet doesn't unshuffle pixels: use the names of basicsr, or canonical",
  },
];
