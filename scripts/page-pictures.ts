/// <reference lib="dom" />
/**
 * Pictures of the page as `npm run page:build` made it, for README: in a window, on a phone, in the dark; and of a run's report, where
 * one is given.
 *
 *   node --import tsx scripts/page-pictures.ts --report demo/report.html
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { servePage } from "../packages/page/test/site.js";
import { CHROMIUM } from "../test/support/requirement.js";

const OUT = fileURLToPath(new URL("../assets/pictures/", import.meta.url));
const WINDOW: BrowserContextOptions = { viewport: { width: 1440, height: 900 } };
const PHONE: BrowserContextOptions = {
  ...{ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};

async function picture(
  browser: Browser,
  name: string,
  options: BrowserContextOptions,
  prepare: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ serviceWorkers: "block", ...options });
  const page = await context.newPage();
  await prepare(page);
  await sharp(await page.screenshot())
    .webp({ quality: 85, effort: 6 })
    .toFile(`${OUT}${name}.webp`);
  await context.close();
}

const whole = (page: Page) =>
  page.waitForFunction(() => document.querySelector<HTMLButtonElement>("#save")?.disabled === false, undefined, {
    timeout: 120_000,
  });

/** The sample at all qualities, so that their times are there. */
async function upscaled(page: Page, url: string): Promise<void> {
  await page.goto(url);
  for (const key of ["ArrowLeft", "ArrowRight", "ArrowRight", "ArrowLeft"]) {
    await whole(page);
    await page.locator("#quality").press(key);
  }
  await whole(page);
  await page.locator("#quality").blur();
  // The last tile's frame fades.
  await page.waitForTimeout(1000);
}

const { report } = parseArgs({ options: { report: { type: "string" } } }).values;
const executablePath = CHROMIUM.find();
if (executablePath === undefined) {
  process.stderr.write(`needs Chromium (${CHROMIUM.advice})\n`);
  process.exit(2);
}
mkdirSync(OUT, { recursive: true });
const site = await servePage();
const browser = await chromium.launch({ executablePath });
await picture(browser, "page", WINDOW, (page) => upscaled(page, site.url));
await picture(browser, "page-dark", { ...WINDOW, colorScheme: "dark" }, async (page) => {
  await upscaled(page, site.url);
  await page.click("#compare label:nth-of-type(2)");
  for (let i = 0; i < 3; i++) await page.click("#zoom-in");
  await page.waitForTimeout(1000);
});
await picture(browser, "page-phone", PHONE, (page) => upscaled(page, site.url));
if (report !== undefined) {
  await picture(browser, "report", WINDOW, async (page) => {
    await page.goto(pathToFileURL(report).href);
  });
}
await browser.close();
site.close();
