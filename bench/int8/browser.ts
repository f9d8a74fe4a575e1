import { chromium } from "playwright-core";
import type { Upscaler } from "../../packages/upscaler/test/web/page.js";
import { serveSite } from "../../packages/upscaler/test/web/site.js";
import { CHROMIUM } from "../../test/support/requirement.js";

/** In the page. */
declare const upscaler: Upscaler;

/**
 * Milliseconds that each file takes in WASM on one thread of Chromium, in turn on one image of so many pixels a side, medians.
 * @throws Error where there is no Chromium
 */
export async function inChromium(files: readonly Uint8Array[], side: number, runs: number): Promise<number[]> {
  const executablePath = CHROMIUM.find();
  if (executablePath === undefined) throw new Error(`--browser needs ${CHROMIUM.what}: ${CHROMIUM.advice}`);
  const site = await serveSite();
  const browser = await chromium.launch({ executablePath });
  try {
    const page = await browser.newPage();
    await page.goto(`${site.url}/isolated`);
    await page.waitForFunction(() => "upscaler" in globalThis);
    return await page.evaluate(
      async ([models, size, count]) => {
        const sessions = [];
        for (const model of models) {
          sessions.push(await upscaler.createSession(Uint8Array.from(model), { threads: 1 }));
        }
        const times = sessions.map((): number[] => []);
        for (let run = 0; run <= count; run++) {
          for (const [i, session] of sessions.entries()) {
            const lr = upscaler.float32(new Float32Array(3 * size ** 2).fill(100), [1, 3, size, size]);
            const { milliseconds } = await session.run({ lr });
            // The first run allocates.
            if (run > 0) times[i]?.push(milliseconds);
          }
        }
        return times.map((list) => list.sort((a, b) => a - b)[count >> 1] as number);
      },
      [files.map((file) => [...file]), side, runs] as const,
    );
  } finally {
    await browser.close();
    site.close();
  }
}
