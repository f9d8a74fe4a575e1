/** What a network is, apart from its weights. This is what a checkpoint's metadata holds and what recognition yields. */

export const SCALES = [2, 3, 4] as const;
export type Scale = (typeof SCALES)[number];

interface CommonOptions {
  /** Magnification. */
  scale: Scale;
  /** Channels of the trunk at width 1. */
  features: number;
  /** Colour that is subtracted first and added last, RGB in 0..255. */
  mean: readonly [number, number, number];
  /** Range of pixel values inside the network: 255, or 1 for networks that divide images by 255 first. */
  range: 255 | 1;
}

/** EDSR (Lim et al. 2017): residual blocks without normalisation. */
export interface EdsrOptions extends CommonOptions {
  architecture: "edsr";
  blocks: number;
  /** Factor on each residual branch. */
  resScale: number;
}

/** RCAN (Zhang et al. 2018): residual groups of blocks with channel attention. */
export interface RcanOptions extends CommonOptions {
  architecture: "rcan";
  groups: number;
  /** Residual channel attention blocks per group. */
  blocks: number;
  /** The attention's bottleneck has ⌊features / reduction⌋ channels. */
  reduction: number;
}

/** CARN (Ahn et al. 2018): cascading residual blocks, fused by 1×1 convolutions. */
export interface CarnOptions extends CommonOptions {
  architecture: "carn";
  /** `original` has a ReLU after each residual sum and before each pixel shuffle; `csd`, the CSD authors', has neither. */
  variant: "original" | "csd";
}

export type NetworkOptions = EdsrOptions | RcanOptions | CarnOptions;

/** Mean colour of DIV2K's training images, RGB in 0..255. */
export const DIV2K_MEAN = [255 * 0.4488, 255 * 0.4371, 255 * 0.404] as const;
