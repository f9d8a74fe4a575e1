import * as z from "zod/mini";
import { commonOptions } from "../options.js";

export const rrdbnetOptions = z.strictObject({
  architecture: z.literal("rrdbnet"),
  /** The network itself makes images four times as large: for less, it begins with a pixel unshuffle. */
  scale: z.literal([1, 2, 4]).check(z.describe("magnification; 1 leaves the size")),
  ...commonOptions,
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual-in-residual dense blocks")),
  growth: commonOptions.features.check(z.describe("channels that each layer of a dense block adds")),
});

export type RrdbnetOptions = z.infer<typeof rrdbnetOptions>;

/** As in the paper (section 4.1). */
export const RRDBNET_DEFAULTS = { features: 64, range: 1, blocks: 23, growth: 32 } as const;
