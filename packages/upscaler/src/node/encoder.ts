import type { Sharp } from "sharp";
import type { ImageFormat } from "../images/format.js";

export interface EncodeOptions {
  /** 1..100, of JPEG, WebP and AVIF. Default 95. */
  readonly quality?: number;
  /** Chroma of JPEG: at full resolution, or at half along both sides. Default 4:4:4. */
  readonly chroma?: "4:4:4" | "4:2:0";
  /** WebP and AVIF without loss. PNG, TIFF and BMP always are. Default false. */
  readonly lossless?: boolean;
}

/** Milliseconds of each frame, and how often all are shown, 0 for without end. */
export interface Animation {
  readonly delays: readonly number[];
  readonly loop: number;
}

/** A TIFF's offsets have 32 bits, if it isn't a BigTIFF. */
const MOST_OF_TIFF = 2 ** 32 - 2 ** 24;

/** Huffman tables that are fitted to a JPEG need all its coefficients in memory; a photograph is 1 % smaller with them. */
const MOST_OF_FITTED_JPEG = 2 ** 27;

/** What sharp encodes. */
export type SharpFormat = Exclude<ImageFormat, "bmp">;

/** What an encoder is told of an image. */
export interface Encoded {
  /** Of its pixels. */
  readonly bytes: number;
  /** Pixels per inch, which sharp doesn't hand on to TIFF by itself. */
  readonly density?: number | undefined;
  /** Of GIF and WebP, whose pages are the frames. */
  readonly animation?: Animation | undefined;
}

/** Has the pipeline encode in a format. */
export function encodeBySharp(
  image: Sharp,
  format: SharpFormat,
  { bytes, density, animation }: Encoded,
  { quality = 95, lossless = false, chroma = "4:4:4" }: EncodeOptions,
): Sharp {
  const moving = animation && { delay: [...animation.delays], loop: animation.loop };
  switch (format) {
    case "png":
      return image.png();
    case "jpeg":
      return image.jpeg({ quality, chromaSubsampling: chroma, optimiseCoding: bytes <= MOST_OF_FITTED_JPEG });
    case "webp":
      return image.webp({ quality, lossless, exact: true, ...moving });
    case "tiff": {
      const perMillimetre = (density ?? 0) / 25.4;
      return image.tiff({
        compression: "deflate",
        predictor: "horizontal",
        bigtiff: bytes > MOST_OF_TIFF,
        ...(perMillimetre > 0 && { xres: perMillimetre, yres: perMillimetre, resolutionUnit: "inch" }),
      });
    }
    case "avif":
      return image.avif({ quality, lossless, chromaSubsampling: "4:4:4" });
    case "gif":
      return image.gif(moving);
  }
}
