import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { CHROMIUM, describeWith } from "../../../../test/support/requirement.js";
import { decodeImage } from "../../src/images/decode.js";
import { renderAblation } from "../../src/report/comparison-page.js";
import { renderReport } from "../../src/report/run-page.js";
import { sampleAblation, sampleReport } from "./sample.js";

describeWith(CHROMIUM, "reports in a browser", (executablePath) => {
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-"));
    const hostile = await sampleReport();
    const label = `"><img src=x onerror=window.hacked=1><script>window.hacked=1</script>`;
    await writeFile(join(folder, "report.html"), renderReport(hostile));
    await writeFile(join(folder, "ablation.html"), renderAblation(sampleAblation()));
    await writeFile(
      join(folder, "hostile.html"),
      renderReport({
        ...hostile,
        title: label,
        table: hostile.table.map((row) => ({ ...row, label, set: label })),
        curves: hostile.curves.map(({ series }) => ({
          title: label,
          series: series.map((one) => ({ ...one, name: label })),
        })),
        crops: hostile.crops.map((crop) => ({
          ...crop,
          image: label,
          tiles: crop.tiles.map((tile) => ({ ...tile, label })),
        })),
        settings: { [label]: label },
      }),
    );
    browser = await chromium.launch({ executablePath });
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true });
  });

  /** Opens a page; everything that it complains of or fetches must be nothing when the test ends. */
  async function open(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!/^(?:file|data):/.test(request.url())) complaints.push(request.url());
    });
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    await page.goto(pathToFileURL(join(folder, name)).href);
    return page;
  }

  it.each(
    ["report.html", "ablation.html", "hostile.html"].flatMap((name) =>
      (["light", "dark"] as const).flatMap((colorScheme) => [390, 1280].map((width) => ({ name, colorScheme, width }))),
    ),
  )("$name fits $width pixels, $colorScheme", async ({ name, colorScheme, width }) => {
    const page = await open(name, { colorScheme, viewport: { width, height: 800 } });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const luminance = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0) / 3";
    const background = Number(await page.evaluate(luminance));
    if (colorScheme === "dark") expect(background).toBeLessThan(60);
    else expect(background).toBeGreaterThan(200);
    expect(await page.evaluate("[...document.images].every(({ naturalWidth }) => naturalWidth > 0)")).toBe(true);
  });

  it("hints at what a table on a phone goes on to, until its end", async () => {
    const page = await open("ablation.html", { viewport: { width: 390, height: 800 } });
    const table = page.locator(".scroll").first();
    const sizes = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.scroll'))";
    expect(await page.evaluate(sizes)).toBeGreaterThan(100);
    // Between the two lines of the head.
    const edge = async () => {
      const box = (await table.boundingBox()) as { x: number; y: number; width: number; height: number };
      const png = await page.screenshot({ clip: { x: box.x + box.width - 3, y: box.y + 36, width: 1, height: 1 } });
      const { data } = await decodeImage(png, "edge.png");
      return data[0] as number;
    };
    await table.scrollIntoViewIfNeeded();
    const before = await edge();
    await page.evaluate("document.querySelector('.scroll').scrollLeft = 1e6");
    expect((await edge()) - before).toBeGreaterThan(20);
  });

  it("draws charts in the scheme's colours", async () => {
    const colourOf = async (colorScheme: "light" | "dark") => {
      const page = await open("report.html", { colorScheme });
      return page.evaluate(
        "[...new Set([...document.querySelectorAll('.chart path')].map((path) => getComputedStyle(path).stroke))].sort()",
      );
    };
    const [light, dark] = [await colourOf("light"), await colourOf("dark")];
    expect(light).toContain("rgb(11, 98, 196)");
    expect(dark).toContain("rgb(108, 171, 255)");
    expect(dark).not.toContain("rgb(11, 98, 196)");
  });

  it("has a slider that moves, and pictures that are chosen, by keyboard alone", async () => {
    const page = await open("report.html");
    const slider = page.locator(".slider").first();
    const cut = () => page.evaluate("getComputedStyle(document.querySelector('.stage img.left')).clipPath");
    const focused = () => page.evaluate("document.activeElement.className");
    expect(await slider.isVisible()).toBe(true);
    expect(await cut()).toContain("50%");

    await slider.locator("select.left").focus();
    await page.keyboard.press("ArrowDown");
    const tiles = page.locator(".crop").first().locator(".tiles img");
    expect(await slider.locator("img.left").getAttribute("src")).toBe(await tiles.nth(1).getAttribute("src"));
    expect(await slider.locator("img.left").getAttribute("alt")).toBe("kodak-19, student w0.5");
    expect(await slider.locator("img.right").getAttribute("src")).toBe(await tiles.nth(3).getAttribute("src"));
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("right");
    await page.keyboard.press("Tab");
    for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowLeft");
    expect(await cut()).toContain("60%");
    expect(await slider.getByRole("slider").getAttribute("aria-valuetext")).toBe("40 %");
    await page.keyboard.press("End");
    expect(await cut()).toMatch(/inset\(0px 0% 0px 0px\)|inset\(0px\)/);
    expect(await page.locator(".slider").nth(1).locator("input").inputValue()).toBe("50");
  });

  it("keeps texts from running, wherever they stand", async () => {
    const page = await open("hostile.html");
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    expect(await page.evaluate("document.scripts.length")).toBe(1);
    expect(await page.evaluate("[...document.images].filter(({ src }) => !src.startsWith('data:')).length")).toBe(0);
    expect(await page.title()).toContain("<img src=x");
    expect(await page.locator("svg text").first().textContent()).not.toBe("");
  });

  it("shows all tiles without scripts", async () => {
    const page = await open("report.html", { javaScriptEnabled: false });
    expect(await page.locator(".slider:visible").count()).toBe(0);
    expect(await page.locator(".tiles img:visible").count()).toBe(7);
  });
});
