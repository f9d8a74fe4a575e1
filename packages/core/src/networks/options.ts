import * as z from "zod/mini";

export const SCALES = [2, 3, 4] as const;
export type Scale = (typeof SCALES)[number];

/** Options that every network has; `scaleOption` or one of its own says the scale. */
export const commonOptions = {
  features: z.int().check(z.minimum(1), z.maximum(4096), z.describe("channels of the trunk")),
  /** 1 for networks that divide images by 255 first. */
  range: z.literal([255, 1]).check(z.describe("pixel values inside the network go up to 255 or 1")),
};

/** What help says of an option. */
export const descriptionOf = (schema: z.core.$ZodType): string => z.globalRegistry.get(schema)?.description ?? "";

export type CommonOptions = z.infer<z.ZodMiniObject<typeof commonOptions>> & {
  /** Output pixels for an input pixel along a side; 1 leaves the size. */
  readonly scale: 1 | Scale;
};

/** Of networks that are built for each of `SCALES`. */
export const scaleOption = { scale: z.literal(SCALES).check(z.describe("magnification")) };

const colour = z.number().check(z.minimum(0), z.maximum(255));

/** Of networks that are built around a mean colour, RGB in 0..255. */
export const meanOption = {
  mean: z.readonly(z.tuple([colour, colour, colour])).check(z.describe("mean colour of images")),
};

export type Mean = z.infer<z.ZodMiniObject<typeof meanOption>>["mean"];

/** Of networks for grey images and for colour. */
export const channelsOption = {
  channels: z.literal([1, 3]).check(z.describe("channels of images: 1 for grey, 3 for colour")),
};

/** Mean colour of DIV2K's training images, RGB in 0..255. */
export const DIV2K_MEAN = [255 * 0.4488, 255 * 0.4371, 255 * 0.404] as const;

/** What a network around the mean to train has where nothing is said. */
export const COMMON_DEFAULTS = { features: 64, mean: DIV2K_MEAN, range: 255 } as const;
