import { readFileSync } from "node:fs";
import axe from "axe-core";
import { chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { randomParameters } from "../../../test/support/networks.js";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { encodeCheckpoint } from "../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../core/src/checkpoints/state.js";
import type { NetworkOptions } from "../../core/src/networks/index.js";
import { WEBGPU } from "../../upscaler/test/web/webgpu.js";
import { hosted, KODAK, openPage, shown, upload } from "./browser.js";
import { servePage } from "./site.js";

/** Quick to compile on a software adapter. */
const SMALL: NetworkOptions = {
  ...{ architecture: "edsr", scale: 2, features: 8, range: 255, mean: [114, 111, 103], blocks: 1, resScale: 1 },
};

describeWith(CHROMIUM, "the page on all kinds of devices and hosts", (executablePath) => {
  const host = hosted(executablePath);
  let picture: Buffer;

  beforeAll(async () => {
    picture = await sharp(KODAK).resize(64, 48, { fit: "cover" }).png().toBuffer();
  });

  /** Serious violations of what axe knows, and worse ones. */
  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const found = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
    return found.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  }

  it.each([
    ["a phone, light", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
    ["a desktop, dark", { viewport: { width: 1440, height: 900 }, colorScheme: "dark" as const }],
  ])("can be used on %s, by all", async (_, options) => {
    const page = await openPage(host.browser, host.site.url, options);
    expect(await violations(page)).toEqual([]);
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    expect(await violations(page)).toEqual([]);
    const { scrolled, seen } = await page.evaluate(() => ({
      scrolled: document.documentElement.scrollWidth,
      seen: window.innerWidth,
    }));
    expect(scrolled).toBeLessThanOrEqual(seen);
    for (const button of ["#open", "#measure", "#save"]) expect(await page.locator(button).isVisible()).toBe(true);
    await page.click("#measure");
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
    // Keys alone move the slider and the image.
    await page.focus("#divider");
    await page.waitForTimeout(1000);
    await page.keyboard.press("Home");
    await page.waitForFunction(() => document.querySelector("#divider")?.getAttribute("aria-valuenow") === "0");
    await page.focus("#canvas");
    await page.keyboard.press("1");
    await page.waitForFunction(() => document.querySelector("#zoom")?.textContent === "100 %");
  });

  it("runs with one thread where the host can't isolate it, and with all once its service worker does", async () => {
    const bare = await servePage({ isBare: true });
    onTestFinished(() => bare.close());
    const single = await openPage(host.browser, bare.url);
    await upload(single, "photo.png", "image/png", picture);
    await shown(single);
    expect(await single.textContent("#engine")).toBe("processor (WebAssembly, 1 thread)");
    const helped = await openPage(host.browser, bare.url, { serviceWorkers: "allow" });
    await helped.waitForFunction(() => crossOriginIsolated);
    await upload(helped, "photo.png", "image/png", picture);
    await shown(helped);
    expect(await helped.textContent("#engine")).not.toContain("1 thread)");
  });

  it("works without a network after it was there once, and asks nobody but its host", async () => {
    const own = await servePage();
    const page = await openPage(host.browser, own.url, { serviceWorkers: "allow", allowed: /ERR_CONNECTION_REFUSED/ });
    const strangers: string[] = [];
    page.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(own.url)) strangers.push(request.url());
    });
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    await page.waitForFunction(() => document.documentElement.dataset.offline === "ready");
    own.close();
    await page.reload();
    await upload(page, "photo.png", "image/png", picture);
    await shown(page);
    expect(strangers).toEqual([]);
  });

  it.each([
    [true, /^graphics processor \(WebGPU, JSPI\)$/],
    [false, /^graphics processor \(WebGPU\)$/],
  ])(
    "computes on a graphics processor, and says why where it doesn't (JSPI: %s)",
    { timeout: 120_000 },
    async (hasJspi, engine) => {
      const own = await servePage({ hasJspi });
      const gpu = await chromium.launch({ executablePath, args: WEBGPU });
      onTestFinished(async () => {
        await gpu.close();
        own.close();
      });
      const page = await openPage(gpu, own.url);
      const model = encodeCheckpoint({ network: SMALL, parameters: stateOf(randomParameters(SMALL)) });
      await upload(page, "small.safetensors", "application/octet-stream", Buffer.from(model));
      await page.waitForFunction(
        () => document.querySelector<HTMLSelectElement>("#model")?.value === "small.safetensors",
      );
      await upload(page, "photo.png", "image/png", picture);
      await shown(page);
      // A software adapter is slower than the processor that it runs on.
      expect(await page.textContent("#engine")).toMatch(/^processor \(.*\): webgpu is not used: .*(takes|computes)/);
      await page.selectOption("#device", "webgpu");
      await page.waitForFunction(() => document.querySelector("#engine")?.textContent?.includes("WebGPU"), undefined, {
        timeout: 50_000,
      });
      await shown(page);
      expect(await page.textContent("#engine")).toMatch(engine);
    },
  );

  it("weighs 150 KB at most, without engine and model", async () => {
    const own = await servePage();
    onTestFinished(() => own.close());
    const page = await openPage(host.browser, own.url, { serviceWorkers: "allow" });
    await page.click("#empty-sample");
    await shown(page);
    const { gzipSync } = await import("node:zlib");
    const isEngine = (path: string) => /session-worker|\.wasm$|\.safetensors$|\.onnx$/.test(path);
    const files = [...new Set(own.requests)].filter((path) => !isEngine(path));
    const bytes = files.map(
      (path) => gzipSync(readFileSync(`${host.site.folder}${path === "/" ? "/index.html" : path}`)).length,
    );
    const sum = bytes.reduce((total, each) => total + each, 0);
    console.log(`${files.length} files, ${(sum / 1000).toFixed(1)} KB gzipped`);
    expect(files.length).toBeGreaterThan(4);
    expect(sum).toBeLessThan(150_000);
  });
});
