/** What the code of a source has in common, whatever the architecture. */

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
