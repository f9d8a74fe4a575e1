import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const espcnLumaOptions = z.strictObject({
  architecture: z.literal("espcn-luma"),
  ...scaleOption,
  channels: z.literal(1).check(z.describe("channels of images: 1, the luma")),
  ...commonOptions,
  /** The second layer has half as many. */
  features: commonOptions.features.check(z.minimum(2)),
});

export type EspcnLumaOptions = z.infer<typeof espcnLumaOptions>;

/** As in the paper (section 3.2). */
export const ESPCN_LUMA_DEFAULTS = { channels: 1, features: 64, range: 1 } as const;
