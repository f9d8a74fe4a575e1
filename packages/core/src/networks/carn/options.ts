import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const carnOptions = z.strictObject({
  architecture: z.literal("carn"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
  /** `original` has a ReLU after each residual sum and before each pixel shuffle; `csd`, the CSD authors', has neither. */
  variant: z.enum(["original", "csd"]).check(z.describe("the published network, or that of the authors of CSD")),
});

export type CarnOptions = z.infer<typeof carnOptions>;

export const CARN_DEFAULTS = { ...COMMON_DEFAULTS, variant: "original" } as const;
