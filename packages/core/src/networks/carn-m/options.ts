import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const carnMOptions = z
  .strictObject({
    architecture: z.literal("carn-m"),
    ...scaleOption,
    ...commonOptions,
    ...meanOption,
    groups: z.int().check(z.minimum(1), z.maximum(64), z.describe("groups of the convolutions within blocks")),
  })
  .check(
    z.refine(({ features, groups }) => features % groups === 0, { path: ["groups"], error: "doesn't divide features" }),
  );

export type CarnMOptions = z.infer<typeof carnMOptions>;

/** As published (section 4.4 of the paper). */
export const CARN_M_DEFAULTS = { ...COMMON_DEFAULTS, range: 1, groups: 4 } as const;
