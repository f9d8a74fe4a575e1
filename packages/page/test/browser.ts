/// <reference lib="dom" />
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import { type Site, servePage } from "./site.js";

export const KODAK = fileURLToPath(new URL("../../../assets/held-out/Kodak/kodak-19.png", import.meta.url));

/** The page's host and a browser, from before a suite's tests until after them; to be read in these. */
export function hosted(executablePath: string): { readonly site: Site; readonly browser: Browser } {
  let site: Site | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    site = await servePage();
    browser = await chromium.launch({ executablePath });
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });
  return {
    get site() {
      return site as Site;
    },
    get browser() {
      return browser as Browser;
    },
  };
}

export interface OpenOptions extends BrowserContextOptions {
  /** Errors that the page may write to its console. */
  readonly allowed?: RegExp;
}

/** The page without its sample, until the test's end; it must not complain until then. */
export async function openPage(
  browser: Browser,
  url: string,
  { allowed, ...options }: OpenOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ serviceWorkers: "block", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (!allowed?.test(text) && !/blocked by Playwright/.test(text)) complaints.push(text);
  };
  page.on("console", (message) => message.type() === "error" && complain(message.text()));
  page.on("pageerror", (error) => complain(String(error)));
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  // Whoever saves data presses a button for the sample.
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "connection", { value: { saveData: true } });
  });
  await page.goto(url);
  return page;
}

export const upload = (page: Page, name: string, mimeType: string, buffer: Buffer): Promise<void> =>
  page.setInputFiles("#file", { name, mimeType, buffer });

/** Ends when the image is there as a whole. */
export async function shown(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector<HTMLButtonElement>("#save")?.disabled === false, undefined, {
    timeout: 50_000,
  });
}

/** Ends when the page says something that went wrong, or is to be known. @returns what it says */
export async function message(page: Page): Promise<string> {
  await page.waitForSelector("#message:not([hidden])", { timeout: 50_000 });
  return (await page.textContent("#message-text")) ?? "";
}

/** What the button for it downloads. */
export async function saved(page: Page): Promise<{ name: string; file: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return { name: file.suggestedFilename(), file: readFileSync(await file.path()) };
}

/** The largest difference of two images' samples, of which there must be as many. */
export function mostDifference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  expect(one.length).toBe(other.length);
  let most = 0;
  for (let i = 0; i < one.length; i++) most = Math.max(most, Math.abs((one[i] as number) - (other[i] as number)));
  return most;
}
