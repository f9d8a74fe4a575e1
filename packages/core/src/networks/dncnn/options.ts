import * as z from "zod/mini";
import { channelsOption, commonOptions } from "../options.js";

export const dncnnOptions = z.strictObject({
  architecture: z.literal("dncnn"),
  scale: z.literal(1).check(z.describe("magnification; 1 leaves the size")),
  ...channelsOption,
  ...commonOptions,
  layers: z.int().check(z.minimum(2), z.maximum(256), z.describe("convolutions")),
});

export type DncnnOptions = z.infer<typeof dncnnOptions>;

/** The network for noise of a known level (section IV-A of the paper), which is trained on grey images. */
export const DNCNN_DEFAULTS = { scale: 1, channels: 1, features: 64, range: 1, layers: 17 } as const;
