import * as z from "zod/mini";
import { channelsOption, commonOptions } from "../options.js";

export const ffdnetOptions = z.strictObject({
  architecture: z.literal("ffdnet"),
  scale: z.literal(1).check(z.describe("magnification; 1 leaves the size")),
  ...channelsOption,
  ...commonOptions,
  layers: z.int().check(z.minimum(2), z.maximum(256), z.describe("convolutions")),
  noise: z.number().check(z.minimum(0), z.maximum(75), z.describe("standard deviation of the noise to remove, of 255")),
});

export type FfdnetOptions = z.infer<typeof ffdnetOptions>;

/** The network for colour (section III-B of the paper); the level of noise has none. */
export const FFDNET_DEFAULTS = { scale: 1, channels: 3, features: 96, range: 1, layers: 12 } as const;
