import * as z from "zod/mini";
import { commonOptions, scaleOption } from "../options.js";

export const fsrcnnOptions = z.strictObject({
  architecture: z.literal("fsrcnn"),
  ...scaleOption,
  channels: z.literal(1).check(z.describe("channels of images: 1, the luma")),
  ...commonOptions,
  shrunk: commonOptions.features.check(z.describe("channels of the mapping layers")),
  layers: z.int().check(z.minimum(1), z.maximum(256), z.describe("mapping layers")),
});

export type FsrcnnOptions = z.infer<typeof fsrcnnOptions>;

/** FSRCNN(56, 12, 4), as in the paper (section 4.2). */
export const FSRCNN_DEFAULTS = { channels: 1, features: 56, range: 1, shrunk: 12, layers: 4 } as const;
