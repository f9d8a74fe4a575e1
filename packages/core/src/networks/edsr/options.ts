import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const edsrOptions = z.strictObject({
  architecture: z.literal("edsr"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual blocks")),
  resScale: z.number().check(z.minimum(-100), z.maximum(100), z.describe("factor on residual branches")),
});

export type EdsrOptions = z.infer<typeof edsrOptions>;

/** EDSR-baseline (section 4.2 of the paper). */
export const EDSR_DEFAULTS = { ...COMMON_DEFAULTS, blocks: 16, resScale: 1 } as const;
