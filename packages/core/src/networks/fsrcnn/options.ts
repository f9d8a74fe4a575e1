import * as z from "zod";
import { commonOptions, scaleOption } from "../options.js";

export const fsrcnnOptions = z.strictObject({
  architecture: z.literal("fsrcnn"),
  ...scaleOption,
  channels: z.literal(1).describe("channels of images: 1, the luma"),
  ...commonOptions,
  shrunk: commonOptions.features.describe("channels of the mapping layers"),
  layers: z.int().min(1).max(256).describe("mapping layers"),
});

export type FsrcnnOptions = z.infer<typeof fsrcnnOptions>;

/** FSRCNN(56, 12, 4), as in the paper (section 4.2). */
export const FSRCNN_DEFAULTS = { channels: 1, features: 56, range: 1, shrunk: 12, layers: 4 } as const;
