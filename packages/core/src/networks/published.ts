import { type CommonOptions, DIV2K_MEAN, type Mean } from "./options.js";

// What the code of a source has in common, whatever the architecture.

/** EDSR-PyTorch (sanghyun-son), on which RCAN's code (yulunzhang) builds. */
export const EDSR_PYTORCH = { meanLayers: ["sub_mean", "add_mean"], range: 255 } as const;

/** Modules of torch.nn.Sequential are numbered, activations and shuffles included. */
export const SEQUENTIAL_TAIL = {
  "tail.0.0": "upsampler.blocks.0",
  "tail.0.2": "upsampler.blocks.1",
  "tail.1": "tail",
} as const;

/** CSD (Booooooooooo). */
export const CSD = {
  source: "csd",
  meanLayers: ["sub_mean", "add_mean"],
  wrapper: "model_state_dict",
  range: 255,
} as const;

/** BasicSR (XPixelGroup), whose networks take the mean and the range as options of their code. */
export const BASICSR = {
  source: "basicsr",
  wrapper: "params",
  range: 255,
  refusal: ({ mean, range }: CommonOptions & { readonly mean: Mean }) =>
    range === 255 && mean.every((value, channel) => Math.abs(value - (DIV2K_MEAN[channel] as number)) < 0.01)
      ? undefined
      : "basicsr's files don't hold the mean and the range, and its code has others than this network: use canonical names",
} as const;

export const BASICSR_FRAME = {
  conv_first: "head",
  conv_after_body: "body_conv",
  "upsample.0": "upsampler.blocks.0",
  "upsample.2": "upsampler.blocks.1",
  conv_last: "tail",
} as const;

/** KAIR (cszn), for its chains of convolutions with a ReLU behind each but the last: torch.nn.Sequential counts both. */
export const KAIR_CHAIN = {
  source: "kair",
  names: { "{layer*2}": "body.{layer}" },
  prefix: "model.",
  range: 1,
} as const;
