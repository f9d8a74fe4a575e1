import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { type Site, serveSite } from "./site.js";

interface Opening {
  /** A browser that was launched otherwise. */
  readonly from?: Browser;
  /** A script of the site that the page has besides, and the global that says it has run. */
  readonly script?: readonly [file: string, global: string];
  /** Called before anything is loaded. */
  readonly watch?: (page: Page) => void;
}

/** The site and a browser for the tests of a file, from before the first until after the last. */
export function inBrowser(executablePath: string) {
  const running: { site?: Site; browser?: Browser } = {};
  beforeAll(async () => {
    running.site = await serveSite();
    running.browser = await chromium.launch({ executablePath });
  });
  afterAll(async () => {
    await running.browser?.close();
    running.site?.close();
  });
  const site = (): Site => running.site as Site;
  return {
    site,
    /** A page of the site that is closed when the test ends. */
    async open(path = "/isolated", { from, script, watch }: Opening = {}): Promise<Page> {
      const page = await (from ?? (running.browser as Browser)).newPage();
      onTestFinished(() => page.close());
      watch?.(page);
      await page.goto(site().url + path);
      if (script) {
        await page.addScriptTag({ url: `${site().url}/${script[0]}`, type: "module" });
        await page.waitForFunction((name) => name in globalThis, script[1]);
      }
      return page;
    },
  };
}
