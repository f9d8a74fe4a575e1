import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const spanOptions = z.strictObject({
  architecture: z.literal("span"),
  ...scaleOption,
  ...commonOptions,
  ...meanOption,
});

export type SpanOptions = z.infer<typeof spanOptions>;

/** As in the challenge that it won (section 4.4 of the paper). */
export const SPAN_DEFAULTS = { ...COMMON_DEFAULTS, features: 28 } as const;
