import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const mdsrOptions = z.strictObject({
  architecture: z.literal("mdsr"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
  blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual blocks")),
});

export type MdsrOptions = z.infer<typeof mdsrOptions>;

/** MDSR-baseline (section 4.2 of the paper). */
export const MDSR_DEFAULTS = { ...COMMON_DEFAULTS, blocks: 16 } as const;
