import { z } from "zod";

export const SCALES = [2, 3, 4] as const;
export type Scale = (typeof SCALES)[number];

const colour = z.number().min(0).max(255);

/** Options that every network has. */
export const commonOptions = {
  scale: z.literal(SCALES).describe("magnification"),
  features: z.int().min(1).max(4096).describe("channels of the trunk"),
  /** Subtracted first and added last, RGB in 0..255. */
  mean: z.tuple([colour, colour, colour]).readonly().describe("mean colour of images"),
  /** 1 for networks that divide images by 255 first. */
  range: z.literal([255, 1]).describe("pixel values inside the network go up to 255 or 1"),
};

export type CommonOptions = z.infer<z.ZodObject<typeof commonOptions>>;

/** Mean colour of DIV2K's training images, RGB in 0..255. */
export const DIV2K_MEAN = [255 * 0.4488, 255 * 0.4371, 255 * 0.404] as const;

/** What a network to train has where nothing is said. */
export const COMMON_DEFAULTS = { features: 64, mean: DIV2K_MEAN, range: 255 } as const;
