import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const imdnOptions = z.strictObject({
  architecture: z.literal("imdn"),
  ...scaleOption,
  ...commonOptions,
  /** A quarter of them is distilled by each step of a block. */
  features: commonOptions.features.check(z.minimum(4)),
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("multi-distillation blocks")),
  /** `original` weighs channels by their contrast and fuses all blocks' outputs; `kair`, the AIM 2019 baseline, has neither. */
  variant: z.enum(["original", "kair"]).check(z.describe("the published network, or that of KAIR")),
});

export type ImdnOptions = z.infer<typeof imdnOptions>;

/** As in the paper (section 4.2). */
export const IMDN_DEFAULTS = { features: 64, range: 1, blocks: 6, variant: "original" } as const;
