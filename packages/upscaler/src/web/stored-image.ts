import { exifOf } from "../images/exif.js";
import type { PixelSource, Pixels } from "../images/pixels.js";
import { profileChunk } from "../images/png.js";
import { isPng } from "../images/png-chunks.js";
import { bitsOfAvif, coloursOfPng, hasOwnColours, profileOf, spaceOfProfile } from "./file-colours.js";
import { bitmapOf, quickPng, sourceOf, wholeBytes } from "./images.js";
import { isPlainWide, type PngHeader, pngHeader, widePng } from "./wide-png.js";

/** An image as its file has it. */
export interface StoredImage {
  readonly source: PixelSource;
  /** What its colours are, as chunks of a PNG; sRGB's where left out. */
  readonly colours?: Uint8Array | undefined;
  /** Of a PNG or a JPEG, as the file has it. */
  readonly exif?: Uint8Array | undefined;
  /** Its colours, where they look different from sRGB's. */
  readonly shownBy?: Uint8Array | undefined;
  /** The image as it is shown, where that is what the source reads. */
  readonly bitmap?: ImageBitmap;
  /** What of the file isn't kept. */
  readonly note?: string;
}

/**
 * Opens an image without converting its colours, PNGs at their depth: 16 bits and profiles stay. Where that isn't possible it is read
 * as it is shown, at 8 bits in sRGB, and a note says so.
 * @throws ImageError as `sourceOf`
 */
export async function storedImage(file: Blob): Promise<StoredImage> {
  const bytes = await wholeBytes(file);
  const header = isPng(bytes) ? pngHeader(bytes) : undefined;
  const exif = exifOf(bytes);
  if (header && isPlainWide(bytes, header)) {
    const colours = coloursOfPng(bytes);
    const about = colours && (await kept(colours, channelsOf(header)));
    return { source: await widePng(file, bytes, header), exif, ...about };
  }
  const lost: string[] = [];
  const bits = header?.bits ?? bitsOfAvif(bytes) ?? 8;
  if (bits > 8) lost.push(`${bits} bits (more than 8 are read of PNGs that are upright, not interlaced, without tRNS)`);
  const own = header ? pngColours(bytes, header) : await profileColours(bytes);
  if (own) {
    if (own.channels && (await leaves(own.colours, own.channels, "none", 0))) {
      const bitmap = await bitmapOf(file, "none");
      const source = await sourceOf(bitmap, own.channels === 3);
      const about = await kept(own.colours, own.channels);
      return { source: closing(source, bitmap), exif, ...about, ...(!about.shownBy && { bitmap }), ...noteOf(lost) };
    }
    lost.push("the colour profile: colours were converted to sRGB");
  }
  const bitmap = await bitmapOf(file);
  return { source: closing(await sourceOf(bitmap), bitmap), exif, bitmap, ...noteOf(lost) };
}

const noteOf = (lost: readonly string[]) => (lost.length > 0 ? { note: `not kept: ${lost.join("; ")}` } : {});

const closing = (source: PixelSource, bitmap: ImageBitmap): PixelSource => ({
  ...source,
  close: async () => bitmap.close(),
});

/** Colours that aren't sRGB's, and the channels that a pixel of theirs has; none of those that no PNG has. */
interface OwnColours {
  readonly colours: Uint8Array;
  readonly channels?: 1 | 3;
}

const kept = async (colours: Uint8Array, channels: 1 | 3) => ({
  colours,
  shownBy: (await leaves(colours, channels, "default", 1)) ? undefined : colours,
});

const channelsOf = ({ colourType }: PngHeader): 1 | 3 => (colourType === 0 || colourType === 4 ? 1 : 3);

function pngColours(bytes: Uint8Array, header: PngHeader): OwnColours | undefined {
  const colours = coloursOfPng(bytes);
  return colours && hasOwnColours(colours) ? { colours, channels: channelsOf(header) } : undefined;
}

async function profileColours(bytes: Uint8Array): Promise<OwnColours | undefined> {
  const profile = profileOf(bytes);
  if (!profile) return undefined;
  const space = spaceOfProfile(profile);
  const channels = space === "RGB" ? { channels: 3 as const } : space === "GRAY" ? { channels: 1 as const } : {};
  return { colours: await profileChunk(profile), ...channels };
}

/** Samples in which every conversion would be seen. */
const TRIED = Uint8Array.of(200, 40, 40, 40, 200, 40, 40, 40, 200, 90, 90, 90);

/** Whether this browser leaves samples of such colours as they are, up to some levels. */
async function leaves(
  colours: Uint8Array,
  channels: 1 | 3,
  conversion: ColorSpaceConversion,
  levels: number,
): Promise<boolean> {
  const tried: Pixels = { data: TRIED, width: TRIED.length / channels, height: 1, channels };
  const bitmap = await bitmapOf(await quickPng(tried, colours), conversion);
  const { data } = await (await sourceOf(bitmap, channels === 3)).read(0, 1);
  bitmap.close();
  return data.length === TRIED.length && TRIED.every((sample, i) => Math.abs(sample - (data[i] as number)) <= levels);
}
