import * as z from "zod/mini";
import { COMMON_DEFAULTS, commonOptions, meanOption, scaleOption } from "../options.js";

export const rcanOptions = z
  .strictObject({
    architecture: z.literal("rcan"),
    ...scaleOption,
    ...commonOptions,
    ...meanOption,
    blocks: z.int().check(z.minimum(1), z.maximum(256), z.describe("residual blocks a group")),
    groups: z.int().check(z.minimum(1), z.maximum(64), z.describe("residual groups")),
    /** The attention's bottleneck has ⌊features / reduction⌋ channels. */
    reduction: z.int().check(z.minimum(1), z.describe("how many times fewer channels attention has within")),
  })
  .check(
    z.refine(({ features, reduction }) => reduction <= features, {
      path: ["reduction"],
      error: "larger than features",
    }),
  );

export type RcanOptions = z.infer<typeof rcanOptions>;

/** As in the paper (section 4.1). */
export const RCAN_DEFAULTS = { ...COMMON_DEFAULTS, blocks: 20, groups: 10, reduction: 16 } as const;
