import * as z from "zod";
import { commonOptions, scaleOption } from "../options.js";

export const plainusrOptions = z
  .strictObject({
    architecture: z.literal("plainusr"),
    ...scaleOption,
    ...commonOptions,
    changed: z.array(commonOptions.features).min(1).max(99).readonly().describe("channels that each block changes"),
    layers: z.int().min(1).max(16).describe("convolutions of a block with an activation behind them"),
    /** 0 for the lightest network, whose middle block alone has a gate. */
    attention: z.int().min(0).max(4096).describe("channels of the attention by local importance; 0 for a gate alone"),
  })
  .refine(({ changed }) => changed.length % 2 === 1, { path: ["changed"], error: "an odd number of blocks is needed" })
  .refine(({ features, changed }) => changed.every((channels) => channels <= features), {
    path: ["changed"],
    error: "more than features",
  });

export type PlainusrOptions = z.infer<typeof plainusrOptions>;

/** PlainUSR-S. */
export const PLAINUSR_DEFAULTS = {
  features: 35,
  range: 1,
  changed: [32, 16, 8, 16, 32],
  layers: 1,
  attention: 4,
} as const;
