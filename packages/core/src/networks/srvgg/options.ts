import * as z from "zod/mini";
import { commonOptions, SCALES } from "../options.js";

export const srvggOptions = z.strictObject({
  architecture: z.literal("srvgg"),
  scale: z.literal([1, ...SCALES]).check(z.describe("magnification; 1 leaves the size")),
  ...commonOptions,
  layers: z.int().check(z.minimum(1), z.maximum(256), z.describe("convolutions between the first and the last")),
});

export type SrvggOptions = z.infer<typeof srvggOptions>;

/** Real-ESRGAN's for animation (realesr-animevideov3). */
export const SRVGG_DEFAULTS = { features: 64, range: 1, layers: 16 } as const;
