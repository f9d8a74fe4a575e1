import { z } from "zod";
import type { NetworkOptions } from "./options.js";

const colour = z.number().min(0).max(255);

const common = {
  scale: z.literal([2, 3, 4]),
  features: z.int().min(1).max(4096),
  mean: z.tuple([colour, colour, colour]),
  range: z.literal([255, 1]),
};

const blocks = z.int().min(1).max(256);

/** What a network is, as metadata of checkpoints and config files say it. */
export const networkOptions = z.discriminatedUnion("architecture", [
  z.strictObject({ architecture: z.literal("edsr"), ...common, blocks, resScale: z.number().min(-100).max(100) }),
  z
    .strictObject({
      architecture: z.literal("rcan"),
      ...common,
      blocks,
      groups: z.int().min(1).max(64),
      reduction: z.int().min(1),
    })
    .refine(({ features, reduction }) => reduction <= features, { path: ["reduction"], error: "larger than features" }),
  z.strictObject({ architecture: z.literal("carn"), ...common, variant: z.enum(["original", "csd"]) }),
]) satisfies z.ZodType<NetworkOptions>;
