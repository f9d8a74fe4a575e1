import { readFileSync } from "node:fs";
import { SHIPPED_MODELS, Upscaler } from "@slimsr/upscaler/node";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { beforeAll, expect, it } from "vitest";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { hosted, KODAK, message, mostDifference, openPage, saved, shown, upload } from "./browser.js";

describeWith(CHROMIUM, "the page", (executablePath) => {
  const host = hosted(executablePath);
  let picture: Buffer;

  beforeAll(async () => {
    picture = await sharp(KODAK).resize(256, 256, { fit: "cover" }).png().toBuffer();
  });

  const open = (options: Parameters<typeof openPage>[2] = {}): Promise<Page> =>
    openPage(host.browser, host.site.url, options);

  async function download(page: Page): Promise<Buffer> {
    const { name, file } = await saved(page);
    expect(name).toBe("photo_x2.png");
    return file;
  }

  /** Moves the slider of qualities by a key. */
  const press = (page: Page, key: string) => page.locator("#quality").press(key);

  it("makes of an image what Node makes of it, at each quality", async () => {
    const page = await open();
    const start = performance.now();
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    console.log(`256×256 after ${(performance.now() - start).toFixed(0)} ms, the engine's start included`);
    const node = await Upscaler.load("photo-x2", { quality: 0.5, threads: 1 });
    for (const [quality, key] of [
      [0.5, undefined],
      [0.25, "ArrowLeft"],
    ] as const) {
      if (key) await press(page, key);
      await shown(page);
      expect(await page.locator("#quality-stops .chosen b").textContent()).toBe(String(quality));
      const { data, info } = await sharp(await download(page))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const expected = await sharp(await node.upscale(picture, { quality }))
        .raw()
        .toBuffer();
      expect([info.width, info.height, info.channels]).toEqual([512, 512, 3]);
      expect(mostDifference(data, expected)).toBeLessThanOrEqual(1);
    }
    await node.dispose();
    expect(await page.textContent("#figures")).toMatch(
      /^[\d.]+ m?s · [\d.]+ megapixels\/s · 49\.6 k parameters · 11\.6 G MACs/,
    );
    expect(await page.textContent("#engine")).toMatch(/^processor \(WebAssembly, \d+ threads?\)$/);
    // What was computed once is there at once.
    await press(page, "ArrowRight");
    expect(await page.locator("#save").isEnabled()).toBe(true);
    expect(await page.locator("#quality-stops .chosen b").textContent()).toBe("0.5");
  });

  it("stops when it is told to, and goes on", async () => {
    const page = await open();
    const large = await sharp(KODAK).resize(600, 900).jpeg().toBuffer();
    await upload(page, "large.jpg", "image/jpeg", large);
    await page.waitForFunction(() => (document.querySelector<HTMLProgressElement>("#progress")?.value ?? 0) > 0);
    await page.click("#cancel");
    expect(await page.isVisible("#progress")).toBe(false);
    expect(await page.locator("#save").isDisabled()).toBe(true);
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    expect(await page.textContent("#image-title")).toBe("photo.png, 256×256 → 512×512");
  });

  it("says what is wrong with a file, and goes on", async () => {
    const page = await open();
    const small = await sharp(picture).resize(64).png().toBuffer();
    const huge = Buffer.from(picture);
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    const jpeg = await sharp(picture).jpeg().toBuffer();
    const webp = await sharp(picture).webp().toBuffer();
    for (const [name, type, bytes, said] of [
      ["huge.png", "image/png", huge, /60000×60000 pixels, more than a page has room for/],
      ["cut.png", "image/png", picture.subarray(0, picture.length / 2), /breaks off after \d+ bytes/],
      ["cut.jpg", "image/jpeg", jpeg.subarray(0, jpeg.length / 2), /breaks off after/],
      ["cut.webp", "image/webp", webp.subarray(0, webp.length / 2), /breaks off after/],
      ["text.png", "image/png", Buffer.from("no image"), /can't be read/],
      ["empty.png", "image/png", Buffer.alloc(0), /can't be read/],
      ["broken.mp4", "video/mp4", Buffer.from("no video"), /can't play this video/],
    ] as const) {
      await upload(page, name, type, bytes);
      expect(await message(page), name).toMatch(said);
      await page.click("#message-close");
    }
    await upload(page, "photo.png", "image/png", small);
    await shown(page);
    const model = readFileSync(new URL("../../upscaler/models/photo-x2.safetensors", import.meta.url));
    for (const [name, bytes, said] of [
      ["cut.safetensors", model.subarray(0, 100_000), /cut\.safetensors/],
      ["text.onnx", Buffer.from("no model"), /text\.onnx/],
    ] as const) {
      await upload(page, name, "application/octet-stream", bytes);
      expect(await message(page), name).toMatch(said);
      await page.click("#message-close");
      expect(await page.locator("#model option").count()).toBe(SHIPPED_MODELS.length);
      expect(await page.locator("#model").inputValue()).toBe("photo-x2");
    }
  });

  it("takes a model of the visitor's own", async () => {
    const page = await open();
    await upload(page, "photo.png", "image/png", await sharp(picture).resize(64).png().toBuffer());
    await shown(page);
    const integers = readFileSync(new URL("../../../assets/int8/edsr_r8f64_x2-0.25.onnx", import.meta.url));
    await upload(page, "mine.onnx", "application/octet-stream", integers);
    await page.waitForFunction(() => document.querySelector("#quality-stops .chosen")?.textContent?.startsWith("1"));
    await shown(page);
    expect(await page.locator("#model").inputValue()).toBe("mine.onnx");
    expect(await page.locator("#quality").isDisabled()).toBe(true);
    await page.selectOption("#model", "photo-x2");
    await page.waitForFunction(() => document.querySelectorAll("#quality-stops > span").length === 3);
    await shown(page);
  });

  it("measures all qualities at a press, in floats and integers", async () => {
    const page = await open({ permissions: ["clipboard-read", "clipboard-write"] });
    const small = await sharp(picture).resize(48, 32).png().toBuffer();
    await upload(page, "small.png", "image/png", small);
    await shown(page);
    await page.click("#measure");
    await page.click("#measure-start");
    await page.waitForFunction(() => document.querySelectorAll("#measurement-rows tr").length === 7, undefined, {
      timeout: 50_000,
    });
    await page.click("#measure-copy:enabled");
    const text = await page.evaluate(() => navigator.clipboard.readText());
    const rows = text.split("\n").filter((line) => /^\| [\db]/.test(line));
    expect(rows.map((row) => row.split(" | ").slice(0, 2).join())).toEqual(
      ["| 1,fp32", "| 0.5,fp32", "| 0.25,fp32", "| 1,INT8", "| 0.5,INT8", "| 0.25,INT8", "| bicubic,–"].map(String),
    );
    expect(rows[2]).toContain("WebAssembly");
  });
});
