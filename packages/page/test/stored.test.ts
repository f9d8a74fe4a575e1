import { Upscaler } from "@slimsr/upscaler/node";
import type { Page } from "playwright-core";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { hosted, KODAK, message, mostDifference, openPage, saved, shown, upload } from "./browser.js";

const [WIDTH, HEIGHT] = [61, 47];
/** Nothing that decoders may guess. */
const EXACT = { quality: 95, chromaSubsampling: "4:4:4", lossless: true } as const;

describeWith(CHROMIUM, "what the page keeps of a file", (executablePath) => {
  const host = hosted(executablePath);
  let node: Upscaler;
  let small: Sharp;

  beforeAll(async () => {
    node = await Upscaler.load("photo-x2", { quality: 0.5, threads: 1 });
    small = sharp(await sharp(KODAK).resize(WIDTH, HEIGHT, { fit: "cover" }).png().toBuffer());
  });
  afterAll(() => node.dispose());

  /** A photograph with steps between the levels of 8 bits; of colour with Display P3's profile. */
  async function wide(channels: 1 | 3 | 4): Promise<Buffer> {
    const photograph = await small.clone().raw().toBuffer();
    const data = Uint16Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / channels), i % channels];
      return channel === 3
        ? 65535 - 900 * (pixel % WIDTH)
        : (photograph[3 * pixel + channel] as number) * 250 + ((pixel * 37) % 1500);
    });
    const image = sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
    return channels === 1
      ? image.toColourspace("grey16").png().toBuffer()
      : image.toColourspace("rgb16").withIccProfile("p3").png().toBuffer();
  }

  async function upscaled(page: Page, name: string, file: Buffer): Promise<Buffer> {
    await upload(page, name, `image/${name.split(".").at(-1)}`, file);
    await shown(page);
    return (await saved(page)).file;
  }

  async function samples(file: Buffer, depth: "uchar" | "ushort"): Promise<Uint8Array | Uint16Array> {
    const space = (await sharp(file).metadata()).channels === 1 ? "grey16" : "rgb16";
    const image = sharp(file, { ignoreIcc: true }).toColourspace(depth === "ushort" ? space : "srgb");
    const bytes = new Uint8Array(await image.raw({ depth }).toBuffer());
    return depth === "ushort" ? new Uint16Array(bytes.buffer) : bytes;
  }

  it("is 16 bits and the profile of a PNG, whose pixels are those that Node makes", async () => {
    const page = await openPage(host.browser, host.site.url);
    for (const channels of [3, 4, 1] as const) {
      const file = await wide(channels);
      const png = await upscaled(page, "wide.png", file);
      const [before, after] = [await sharp(file).metadata(), await sharp(png).metadata()];
      expect([after.width, after.height, after.channels, after.depth]).toEqual([122, 94, channels, "ushort"]);
      expect(before.icc === undefined).toBe(channels === 1);
      expect(after.icc).toEqual(before.icc);
      const own = await samples(png, "ushort");
      expect(mostDifference(own, await samples(await node.upscale(file), "ushort"))).toBeLessThanOrEqual(257);
      expect(new Set(own.map((sample) => sample % 257)).size).toBeGreaterThan(100);
    }
    await page.selectOption("#size", "long-edge");
    await page.fill("#size-width", "150");
    await page.press("#size-width", "Tab");
    const larger = (await saved(page)).file;
    const expected = await node.upscale(await wide(1), { longEdge: 150 });
    expect(mostDifference(await samples(larger, "ushort"), await samples(expected, "ushort"))).toBeLessThanOrEqual(257);
  });

  it("is a profile, whichever format has it, beside which colours are shown as browsers show the file", async () => {
    const page = await openPage(host.browser, host.site.url);
    const p3 = small.clone().withIccProfile("p3");
    for (const format of ["png", "jpeg", "webp", "avif"] as const) {
      const image = format === "png" ? p3.clone().ensureAlpha(0.6) : p3.clone();
      const file = await image.toFormat(format, EXACT).toBuffer();
      const png = await upscaled(page, `photo.${format}`, file);
      const [before, after] = [await sharp(file).metadata(), await sharp(png).metadata()];
      expect(after.icc?.length, format).toBeGreaterThan(100);
      expect(after.icc, format).toEqual(before.icc);
      const [own, expected] = [
        await samples(png, "uchar"),
        await samples(await node.upscale(file, { format: "png" }), "uchar"),
      ];
      expect(mostDifference(own, expected), format).toBeLessThanOrEqual(1);
      expect(await page.isVisible("#message")).toBe(false);
    }
    const red = { width: 64, height: 48, channels: 3, background: { r: 230, g: 60, b: 60 } } as const;
    const flat = await sharp({ create: red }).toColourspace("srgb").png().toBuffer();
    await upload(page, "flat.png", "image/png", await sharp(flat).withIccProfile("p3").png().toBuffer());
    await shown(page);
    const sides = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>("#canvas") as HTMLCanvasElement;
        const { width, height } = canvas;
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        return [0.45, 0.55].map((share) => [...context.getImageData(width * share, height / 2, 1, 1).data.slice(0, 3)]);
      });
    for (const compared of ["original", "bicubic"]) {
      await page.check(`input[value=${compared}]`, { force: true });
      await page.waitForTimeout(500);
      for (const side of await sides()) expect(mostDifference(side, [230, 60, 60])).toBeLessThanOrEqual(4);
    }
  });

  it("is EXIF, of pixels that are upright", async () => {
    const page = await openPage(host.browser, host.site.url);
    for (const format of ["png", "jpeg"] as const) {
      const turned = small
        .clone()
        .withMetadata({ orientation: 6 })
        .withExifMerge({ IFD0: { Copyright: "nobody" } });
      const file = await turned.toFormat(format, EXACT).toBuffer();
      expect((await sharp(file).metadata()).orientation).toBe(6);
      const { width, height, orientation, exif } = await sharp(
        await upscaled(page, `turned.${format}`, file),
      ).metadata();
      expect([width, height, orientation], format).toEqual([2 * HEIGHT, 2 * WIDTH, 1]);
      expect(exif?.toString("latin1"), format).toContain("nobody");
    }
  });

  it("is said where it isn't all", async () => {
    const page = await openPage(host.browser, host.site.url);
    const interlaced = await sharp(await wide(3))
      .toColourspace("rgb16")
      .png({ progressive: true })
      .toBuffer();
    const cmyk = await small.clone().toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer();
    const tenBits = await sharp(await wide(3))
      .avif({ bitdepth: 10 })
      .toBuffer();
    for (const [name, file, said] of [
      ["ten-bits.avif", tenBits, /^Not kept: 10 bits \(/],
      ["interlaced.png", interlaced, /^Not kept: 16 bits \(.*not interlaced/],
      ["cmyk.jpeg", cmyk, /^Not kept: the colour profile: colours were converted to sRGB$/],
    ] as const) {
      const png = await upscaled(page, name, file);
      await upload(page, name, "image/x", file);
      expect(await message(page)).toMatch(said);
      const { depth, icc } = await sharp(png).metadata();
      expect([depth, icc]).toEqual(["uchar", undefined]);
    }
    const damaged = await wide(3);
    damaged.fill(0, damaged.length - 600, damaged.length - 400);
    await upload(page, "damaged.png", "image/png", damaged);
    await page.waitForFunction(() => /damaged/.test(document.querySelector("#message-text")?.textContent ?? ""));
  });
});
