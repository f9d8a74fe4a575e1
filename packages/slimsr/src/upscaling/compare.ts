import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { type PixelSource, toDepth } from "@slimsr/upscaler/internal/images/pixels.js";
import { openImage } from "@slimsr/upscaler/internal/node/open-image.js";
import { loadSharp } from "@slimsr/upscaler/internal/node/sharp.js";
import type { Region, Sharp } from "sharp";
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
  const tiles = [
    { label: "bicubic", png: await encoded(await enlarged(input, size), region), psnr: null },
    { label: "upscaled", png: await encoded(await rowsOf(output, region), { ...region, top: 0 }), psnr: null },
  ];
  const heading = { title: name, created: new Date().toISOString(), summary: [summary], notes: [] };
  const content = renderCrops([{ image: name, width, height, tiles }]);
  await writeAtomic(page, renderPage(heading, [{ id: "comparison", title: "Comparison", content }]), { sync: false });
}

const encoded = (image: Sharp, region: Region): Promise<Buffer> =>
  image.extract(region).flatten({ background: GREY }).toColourspace("srgb").png().toBuffer();

async function enlarged(input: string | Uint8Array, size: Size): Promise<Sharp> {
  const whole = await rowsOf(input);
  return whole.resize({ ...size, fit: "fill", kernel: "cubic" });
}

/** Whole rows of an image, as whatever reads images here has them. */
async function rowsOf(image: string | Uint8Array, rows?: Pick<Region, "top" | "height">): Promise<Sharp> {
  const { frames, close } = await openImage(image, { metadata: "strip", animated: false });
  try {
    const [first] = frames as [PixelSource];
    const { data, width, height, channels } = toDepth(
      await first.read(rows?.top ?? 0, rows?.height ?? first.height),
      8,
    );
    const sharp = await loadSharp();
    return sharp(data as Uint8Array, { raw: { width, height, channels }, limitInputPixels: false });
  } finally {
    await close();
  }
}
