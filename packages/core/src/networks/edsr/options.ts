import * as z from "zod";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const edsrOptions = z.strictObject({
  architecture: z.literal("edsr"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
  blocks: z.int().min(1).max(256).describe("residual blocks"),
  resScale: z.number().min(-100).max(100).describe("factor on residual branches"),
});

export type EdsrOptions = z.infer<typeof edsrOptions>;

/** EDSR-baseline (section 4.2 of the paper). */
export const EDSR_DEFAULTS = { ...COMMON_DEFAULTS, blocks: 16, resScale: 1 } as const;
