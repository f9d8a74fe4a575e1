import { existsSync, readFileSync } from "node:fs";
import { Upscaler } from "@slimsr/upscaler/node";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { openPage, shown, upload } from "./browser.js";
import { BUILT, type Site, servePage } from "./site.js";

const KODAK = new URL("../../../assets/held-out/Kodak/kodak-19.png", import.meta.url).pathname;

describeWith(CHROMIUM, "the page", (executablePath) => {
  let site: Site;
  let browser: Browser;
  let picture: Buffer;

  beforeAll(async () => {
    if (!existsSync(BUILT)) throw new Error("the page isn't built: npm run build && npm run page:build");
    site = await servePage();
    browser = await chromium.launch({ executablePath });
    picture = await sharp(KODAK).resize(256, 256, { fit: "cover" }).png().toBuffer();
  });

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  const open = (options: Parameters<typeof openPage>[2] = {}): Promise<Page> => openPage(browser, site.url, options);

  async function download(page: Page): Promise<Buffer> {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    return readFileSync(await file.path());
  }

  it("makes of an image what Node makes of it", async () => {
    const page = await open();
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    const { data, info } = await sharp(await download(page))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const node = await Upscaler.load("photo-x2", { quality: 0.5, threads: 1 });
    const expected = await sharp(await node.upscale(picture))
      .raw()
      .toBuffer();
    await node.dispose();
    expect([info.width, info.height, info.channels]).toEqual([512, 512, 3]);
    const most = data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (expected[i] as number))), 0);
    expect(most).toBeLessThanOrEqual(1);
  });
});
