import type { Size } from "@slimsr/core/internal/images/geometry.js";
import sharp, { type Sharp } from "sharp";
import { writeAtomic } from "../files/atomic.js";
import { renderCrops } from "../report/crops.js";
import { renderPage } from "../report/page.js";

/** Pixels of what a page shows of an image, at most: its middle. */
export const SHOWN: Size = { width: 960, height: 720 };

/** Under what is transparent. */
const GREY = "#808080";

/**
 * Writes a page, which needs nothing else, on which a slider goes between the upscaled image and one enlarged by bicubic.
 * @param summary what was done, in a sentence
 */
export async function writeComparison(
  page: string,
  input: string | Uint8Array,
  output: string,
  { name, size, summary }: { readonly name: string; readonly size: Size; readonly summary: string },
): Promise<void> {
  const width = Math.min(SHOWN.width, size.width);
  const height = Math.min(SHOWN.height, size.height);
  const region = { left: (size.width - width) >> 1, top: (size.height - height) >> 1, width, height };
  const tile = (image: Sharp): Promise<Uint8Array> =>
    image.extract(region).flatten({ background: GREY }).toColourspace("srgb").png().toBuffer();
  const options = { limitInputPixels: false };
  const bicubic = sharp(input, options)
    .autoOrient()
    .resize({ ...size, fit: "fill", kernel: "cubic" });
  const tiles = [
    { label: "bicubic", png: await tile(bicubic), psnr: null },
    { label: "upscaled", png: await tile(sharp(output, options)), psnr: null },
  ];
  const heading = { title: name, created: new Date().toISOString(), summary: [summary], notes: [] };
  const content = renderCrops([{ image: name, width, height, tiles }]);
  await writeAtomic(page, renderPage(heading, [{ id: "comparison", title: "Comparison", content }]), { sync: false });
}
