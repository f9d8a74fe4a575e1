import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const plainusrOptions = z
  .strictObject({
    architecture: z.literal("plainusr"),
    ...scaleOption,
    ...commonOptions,
    changed: z
      .readonly(z.array(commonOptions.features).check(z.minLength(1), z.maxLength(99)))
      .check(z.describe("channels that each block changes")),
    layers: z
      .int()
      .check(z.minimum(1), z.maximum(16), z.describe("convolutions of a block with an activation behind them")),
    /** 0 for the lightest network, whose middle block alone has a gate. */
    attention: z
      .int()
      .check(
        z.minimum(0),
        z.maximum(4096),
        z.describe("channels of the attention by local importance; 0 for a gate alone"),
      ),
  })
  .check(
    z.refine(({ changed }) => changed.length % 2 === 1, {
      path: ["changed"],
      error: "an odd number of blocks is needed",
    }),
    z.refine(({ features, changed }) => changed.every((channels) => channels <= features), {
      path: ["changed"],
      error: "more than features",
    }),
  );

export type PlainusrOptions = z.infer<typeof plainusrOptions>;

/** PlainUSR-S. */
export const PLAINUSR_DEFAULTS = {
  features: 35,
  range: 1,
  changed: [32, 16, 8, 16, 32],
  layers: 1,
  attention: 4,
} as const;
