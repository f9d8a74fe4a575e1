import type { Page } from "playwright-core";
import sharp from "sharp";
import { beforeEach, expect, it } from "vitest";
import { CHROMIUM, describeWith } from "../../../../test/support/requirement.js";
import type { Pixels } from "../../src/images/pixels.js";
import { noisePixels } from "../images/noise.js";
import { inBrowser } from "./browser.js";
import type { Images, Plain } from "./images-page.js";

/** In the page. */
declare const images: Images;

const plain = ({ width, height, channels, data }: Pixels): Plain => ({ width, height, channels, samples: [...data] });

const pipeline = ({ data, width, height, channels }: Pixels) =>
  sharp(data as Uint8Array, { raw: { width, height, channels } }).toColourspace(channels < 3 ? "b-w" : "srgb");

describeWith(CHROMIUM, "images in a browser", (executablePath) => {
  const { open } = inBrowser(executablePath);
  let page: Page;

  beforeEach(async () => {
    page = await open("/isolated", { script: ["images-page.js", "images"] });
  });

  /** A file's pixels, read in the page. */
  const read = (file: Buffer): Promise<Plain> =>
    page.evaluate((bytes) => images.read(new Blob([Uint8Array.from(bytes)])), [...file]);

  it("are read from Blobs as libvips has them, with as many channels as it takes", async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      const pixels = noisePixels(17, 12, channels, 8);
      expect(await read(await pipeline(pixels).png().toBuffer())).toEqual(plain(pixels));
    }
    const tall = noisePixels(7, 500, 4, 8);
    expect(await read(await pipeline(tall).png().toBuffer())).toEqual(plain(tall));
  });

  it("are upright, and sRGB whatever their profile", async () => {
    const pixels: Pixels = { data: Uint8Array.of(255, 0, 0, 0, 0, 255), width: 2, height: 1, channels: 3 };
    const turned = await pipeline(pixels).withMetadata({ orientation: 6 }).png().toBuffer();
    expect(await read(turned)).toEqual({ ...plain(pixels), width: 1, height: 2 });
    const colour: Pixels = { data: Uint8Array.of(200, 40, 40), width: 1, height: 1, channels: 3 };
    const p3 = await pipeline(colour).withIccProfile("p3").png().toBuffer();
    const { samples } = await read(p3);
    const most = Math.max(...samples.map((value, i) => Math.abs(value - (colour.data[i] as number))));
    expect(most).toBeLessThanOrEqual(2);
  });

  it("are read from ImageData, bitmaps, canvases, videos' frames and elements alike", async () => {
    const all = await page.evaluate(async () => {
      const rgba = Uint8ClampedArray.from({ length: 6 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256));
      const data = new ImageData(rgba, 6, 4);
      const offscreen = new OffscreenCanvas(6, 4);
      offscreen.getContext("2d")?.putImageData(data, 0, 0);
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [6, 4];
      canvas.getContext("2d")?.putImageData(data, 0, 0);
      const frame = new VideoFrame(offscreen, { timestamp: 0 });
      const element = new Image();
      element.src = canvas.toDataURL();
      await element.decode();
      const bitmap = await createImageBitmap(data);
      const read = [];
      for (const image of [data, bitmap, offscreen, canvas, frame, element, await offscreen.convertToBlob()]) {
        read.push(await images.read(image));
      }
      frame.close();
      return { read, expected: [...rgba].filter((_, i) => i % 4 < 3), open: bitmap.width };
    });
    expect(all.read).toHaveLength(7);
    for (const image of all.read) expect(image).toEqual({ width: 6, height: 4, channels: 3, samples: all.expected });
    expect(all.open).toBe(6);
  });

  it("become ImageData, bitmaps and PNGs with every sample", async () => {
    for (const channels of [1, 2, 3, 4] as const) {
      const pixels = noisePixels(9, 6, channels, 8);
      const { data, bitmap, png } = await page.evaluate(async ({ samples, ...layout }) => {
        const pixels = { ...layout, data: Uint8Array.from(samples) };
        const sink = images.blobSink({ ...layout, depth: 8 }, { density: 72 });
        await sink.write(pixels);
        await sink.end();
        return {
          data: await images.read(images.imageDataOf(pixels)),
          bitmap: await images.read(await images.imageBitmapOf(pixels)),
          png: [...new Uint8Array(await sink.blob().arrayBuffer())],
        };
      }, plain(pixels));
      expect(data).toEqual(plain(pixels));
      expect(bitmap).toEqual(plain(pixels));
      const decoded = sharp(Buffer.from(png)).toColourspace("srgb");
      const whole = channels % 2 === 0 ? decoded.ensureAlpha() : decoded;
      expect([...(await whole.raw().toBuffer())]).toEqual([
        ...(await pipeline(pixels).toColourspace("srgb").raw().toBuffer()),
      ]);
    }
  });

  it("of 16 bits are written as PNGs that the browser shows", async () => {
    const { samples, shown } = await page.evaluate(async () => {
      const data = Uint16Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 1571) % 65536);
      const sink = images.blobSink({ width: 40, height: 30, channels: 3, depth: 16 });
      await sink.write({ data, width: 40, height: 30, channels: 3 });
      await sink.end();
      return { samples: [...data], shown: await images.read(sink.blob()) };
    });
    expect(shown.samples).toHaveLength(samples.length);
    const most = Math.max(...shown.samples.map((value, i) => Math.abs(value - (samples[i] as number) / 257)));
    expect(most).toBeLessThanOrEqual(1);
  });

  it("that the browser can't show are told", async () => {
    const [text, closed] = await page.evaluate(async () => {
      const bitmap = await createImageBitmap(new ImageData(2, 2));
      bitmap.close();
      return [
        await images.errorOf(images.sourceOf(new Blob(["hello"], { type: "image/heic" }))),
        await images.errorOf(images.sourceOf(bitmap)),
      ];
    });
    expect(text).toContain('a Blob of type "image/heic" and 5 bytes can\'t be read');
    expect(closed).toContain("the ImageBitmap is closed");
  });
});
