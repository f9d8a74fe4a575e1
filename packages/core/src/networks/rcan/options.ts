import * as z from "zod";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const rcanOptions = z
  .strictObject({
    architecture: z.literal("rcan"),
    ...scaleOption,
    ...commonOptions,
    ...meanOption,
    blocks: z.int().min(1).max(256).describe("residual blocks a group"),
    groups: z.int().min(1).max(64).describe("residual groups"),
    /** The attention's bottleneck has ⌊features / reduction⌋ channels. */
    reduction: z.int().min(1).describe("how many times fewer channels attention has within"),
  })
  .refine(({ features, reduction }) => reduction <= features, { path: ["reduction"], error: "larger than features" });

export type RcanOptions = z.infer<typeof rcanOptions>;

/** As in the paper (section 4.1). */
export const RCAN_DEFAULTS = { ...COMMON_DEFAULTS, blocks: 20, groups: 10, reduction: 16 } as const;
