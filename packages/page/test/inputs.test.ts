import { Upscaler } from "@slimsr/upscaler/node";
import type { CDPSession, Page } from "playwright-core";
import sharp from "sharp";
import { beforeAll, expect, it } from "vitest";
import { randomParameters } from "../../../test/support/networks.js";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { encodeCheckpoint } from "../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../core/src/checkpoints/state.js";
import type { NetworkOptions } from "../../core/src/networks/index.js";
import { hosted, KODAK, message, mostDifference, openPage, saved, shown, upload } from "./browser.js";

/** Little to compute for many pixels. */
const QUICK: NetworkOptions = {
  ...{ architecture: "edsr", scale: 4, features: 4, range: 255, mean: [114, 111, 103], blocks: 1, resScale: 1 },
};

describeWith(CHROMIUM, "what visitors do on the page", (executablePath) => {
  const host = hosted(executablePath);
  let picture: Buffer;

  beforeAll(async () => {
    picture = await sharp(KODAK).resize(64, 48, { fit: "cover" }).png().toBuffer();
  });

  const open = (options: Parameters<typeof openPage>[2] = {}): Promise<Page> =>
    openPage(host.browser, host.site.url, options);
  const titled = (page: Page, title: string) =>
    page.waitForFunction((text) => document.querySelector("#image-title")?.textContent === text, title);

  it("takes a file that is dropped", async () => {
    const page = await open();
    const transfer = await page.evaluateHandle(
      (bytes) => {
        const data = new DataTransfer();
        data.items.add(new File([Uint8Array.from(bytes)], "dropped.png", { type: "image/png" }));
        return data;
      },
      [...picture],
    );
    await page.dispatchEvent("main", "dragover", { dataTransfer: transfer });
    expect(await page.getAttribute("body", "class")).toContain("dragging");
    await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
    expect(await page.getAttribute("body", "class")).not.toContain("dragging");
    await titled(page, "dropped.png, 64×48 → 128×96");
    await shown(page);
  });

  it("takes an image that is pasted from the clipboard", async () => {
    const page = await open({ permissions: ["clipboard-read", "clipboard-write"] });
    await page.evaluate(
      async (bytes) => {
        const image = new Blob([Uint8Array.from(bytes)], { type: "image/png" });
        await navigator.clipboard.write([new ClipboardItem({ "image/png": image })]);
      },
      [...picture],
    );
    await page.focus("#canvas");
    await page.keyboard.press("Control+V");
    await titled(page, "image.png, 64×48 → 128×96");
    await shown(page);
  });

  /** Two fingers at the same height, so many pixels from the middle of the canvas. */
  async function touch(session: CDPSession, page: Page, type: "touchStart" | "touchMove", apart: number) {
    const box = await page.locator("#canvas").boundingBox();
    if (!box) throw new Error("the page shows no canvas");
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 4];
    const touchPoints = [-apart, apart].map((side, id) => ({ x: x + side, y, id }));
    await session.send("Input.dispatchTouchEvent", { type, touchPoints });
  }

  it("scales the image as two fingers go", async () => {
    const page = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    const before = Number.parseInt((await page.textContent("#zoom")) ?? "", 10);
    const session = await page.context().newCDPSession(page);
    await touch(session, page, "touchStart", 40);
    for (const apart of [50, 65, 80]) await touch(session, page, "touchMove", apart);
    await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await page.waitForFunction((percent) => {
      const share = Number.parseInt(document.querySelector("#zoom")?.textContent ?? "", 10) / percent;
      return share > 1.9 && share < 2.1;
    }, before);
  });

  it("saves the result in the size that is chosen, and says what it hasn't", async () => {
    const page = await open();
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    const whole = await saved(page);
    expect(whole.name).toBe("photo_x2.png");
    await page.selectOption("#size", "long-edge");
    expect(await page.inputValue("#size-width")).toBe("128");
    await page.fill("#size-width", "100");
    await page.press("#size-width", "Tab");
    const edge = await saved(page);
    expect(edge.name).toBe("photo_100.png");
    const { data, info } = await sharp(edge.file).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([100, 75]);
    // Another bicubic: edges differ by some levels, nothing is shifted.
    const other = await sharp(whole.file).resize(100, 75, { kernel: "cubic", fit: "fill" }).raw().toBuffer();
    const error = data.reduce((sum, value, i) => sum + Math.abs(value - (other[i] as number)), 0) / data.length;
    expect(error).toBeLessThan(4);

    await page.selectOption("#size", "exact");
    await page.fill("#size-width", "60");
    await page.fill("#size-height", "60");
    await page.press("#size-height", "Tab");
    const exact = await saved(page);
    const { width, height } = await sharp(exact.file).metadata();
    expect([exact.name, width, height]).toEqual(["photo_60x60.png", 60, 60]);

    await page.fill("#size-height", "2000");
    await page.press("#size-height", "Tab");
    const refusal = /64×48 would become 60×2000, 6 times ×2; a network is run 4 times on its own output at most/;
    await page.waitForFunction(() => document.querySelector("#size-work")?.textContent !== "");
    expect(await page.textContent("#size-work")).toMatch(refusal);
    await page.click("#save");
    expect(await message(page)).toMatch(refusal);
  });

  it("saves more pixels than the network makes of the image, as Node does, and says before what that takes", async () => {
    const page = await open();
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    await page.selectOption("#size", "long-edge");
    await page.fill("#size-width", "200");
    await page.press("#size-width", "Tab");
    await page.waitForFunction(() => document.querySelector("#size-work")?.textContent !== "");
    expect(await page.textContent("#size-work")).toMatch(
      /^200×150 takes 2 passes of the network: 2 tiles, about [\d.]+ m?s$/,
    );
    const { name, file } = await saved(page);
    const node = await Upscaler.load("photo-x2", { quality: 0.5, threads: 1 });
    const expected = sharp(await node.upscale(picture, { longEdge: 200 }));
    await node.dispose();
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect([name, info.width, info.height, info.channels]).toEqual(["photo_200.png", 200, 150, 3]);
    expect(mostDifference(data, await expected.raw().toBuffer())).toBeLessThanOrEqual(1);

    // A minute of work ends at a press, and the page goes on.
    await page.fill("#size-width", "1000");
    await page.press("#size-width", "Tab");
    await page.waitForFunction(() => /takes 4 passes/.test(document.querySelector("#size-work")?.textContent ?? ""));
    await page.click("#save");
    await page.waitForFunction(() => (document.querySelector<HTMLProgressElement>("#progress")?.value ?? 0) > 0);
    await page.click("#cancel");
    expect(await page.isVisible("#progress")).toBe(false);
    await page.selectOption("#size", "all");
    expect(await page.textContent("#size-work")).toBe("");
    expect((await saved(page)).name).toBe("photo_x2.png");
  });

  it("saves more pixels than a canvas has on all devices, as Node makes them", { timeout: 240_000 }, async () => {
    const page = await open();
    const model = encodeCheckpoint({ network: QUICK, parameters: stateOf(randomParameters(QUICK)) });
    await upload(page, "quick.safetensors", "application/octet-stream", Buffer.from(model));
    await page.waitForFunction(
      () => document.querySelector<HTMLSelectElement>("#model")?.value === "quick.safetensors",
    );
    const [width, height] = [1100, 1000];
    const image = await sharp(KODAK).resize(width, height, { fit: "cover" }).toColourspace("b-w").png().toBuffer();
    await upload(page, "photo.png", "image/png", image);
    await page.waitForFunction(
      () => document.querySelector<HTMLButtonElement>("#save")?.disabled === false,
      undefined,
      { timeout: 200_000 },
    );
    const { name, file } = await saved(page);
    const node = await Upscaler.load(model, { threads: 1 });
    const expected = await sharp(await node.upscale(image))
      .raw()
      .toBuffer();
    await node.dispose();
    const { channels, ...size } = await sharp(file).metadata();
    expect([name, size.width, size.height, channels]).toEqual(["photo_x4.png", 4 * width, 4 * height, 1]);
    expect(size.width * size.height).toBeGreaterThan(2 ** 24);
    const data = await sharp(file).raw().toBuffer();
    expect(data.length).toBe(expected.length);
    expect(mostDifference(data, expected)).toBeLessThanOrEqual(1);
  });
});
