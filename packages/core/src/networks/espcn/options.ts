import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const espcnOptions = z.strictObject({
  architecture: z.literal("espcn"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
  /** The second layer has half as many. */
  features: commonOptions.features.check(z.minimum(2)),
});

export type EspcnOptions = z.infer<typeof espcnOptions>;

/** As in the paper (section 3.2); tanh needs a range of 1. */
export const ESPCN_DEFAULTS = { ...COMMON_DEFAULTS, range: 1 } as const;
