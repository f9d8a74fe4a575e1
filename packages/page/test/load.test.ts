import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { expect, it, onTestFinished } from "vitest";
import { CHROMIUM, describeWith } from "../../../test/support/requirement.js";
import { hosted, KODAK, openPage, shown, upload } from "./browser.js";

describeWith(CHROMIUM, "the page at work", (executablePath) => {
  const host = hosted(executablePath);

  /** MiB of memory that the browser's processes for pages have now. */
  async function memory(): Promise<number> {
    const session = await host.browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    const ofPages = processInfo.filter(({ type }) => type === "renderer");
    const kibibytes = ofPages.map(({ id }) =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))?.[1]),
    );
    return kibibytes.reduce((sum, each) => sum + each, 0) / 1024;
  }

  /** Milliseconds of the processor that each of the page's own tasks took: beside other programs they take longer, for no reason of theirs. */
  function tasksOf(trace: Buffer): number[] {
    interface Event {
      readonly name: string;
      readonly pid: number;
      readonly tid: number;
      readonly tdur?: number;
      readonly args: { readonly name?: string };
    }
    const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: Event[] };
    const mains = traceEvents
      .filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`);
    return traceEvents
      .filter(({ name, pid, tid }) => name === "RunTask" && mains.includes(`${pid} ${tid}`))
      .map(({ tdur = 0 }) => tdur / 1000);
  }

  it("never freezes while it upscales 2 megapixels", { timeout: 240_000 }, async () => {
    const page = await openPage(host.browser, host.site.url);
    await page.locator("#quality").press("ArrowLeft");
    const image = await sharp(KODAK).rotate(90).resize(1600, 1250, { fit: "cover" }).jpeg({ quality: 95 }).toBuffer();
    const start = performance.now();
    await host.browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline", "__metadata"] });
    await upload(page, "two.jpg", "image/jpeg", image);
    await page.waitForFunction(
      () => document.querySelector<HTMLButtonElement>("#save")?.disabled === false,
      undefined,
      { timeout: 200_000 },
    );
    const seconds = (performance.now() - start) / 1000;
    const tasks = tasksOf(await host.browser.stopTracing());
    const longest = Math.max(...tasks);
    console.log(
      `2 megapixels in ${seconds.toFixed(1)} s; of ${tasks.length} tasks the longest took ${longest.toFixed(0)} ms; ${(await memory()).toFixed(0)} MiB`,
    );
    expect(tasks.length).toBeGreaterThan(100);
    // A press is answered at once within 100 ms, which an idle machine keeps to; one of 2020 beside other tests took 114. What freezes takes seconds.
    expect(longest).toBeLessThanOrEqual(250);
  });

  it("takes 24 megapixels in memory for some", { timeout: 240_000 }, async () => {
    const page = await openPage(host.browser, host.site.url);
    await page.locator("#quality").press("ArrowLeft");
    const before = await memory();
    const image = await sharp(KODAK).rotate(90).resize(6000, 4000, { fit: "cover" }).jpeg({ quality: 80 }).toBuffer();
    await upload(page, "large.jpg", "image/jpeg", image);
    const most: number[] = [];
    await page.waitForFunction(
      () => {
        const { value = 0, max = 1 } = document.querySelector<HTMLProgressElement>("#progress") ?? {};
        return value / max > 0.02;
      },
      undefined,
      { timeout: 200_000, polling: 100 },
    );
    for (let i = 0; i < 5; i++) {
      most.push(await memory());
      await page.waitForTimeout(300);
    }
    console.log(`24 megapixels: ${Math.max(...most).toFixed(0)} MiB, ${before.toFixed(0)} before`);
    expect(Math.max(...most) - before).toBeLessThan(1200);
    await page.click("#cancel");
    // An engine that doesn't stop is ended, and its memory comes back.
    await page.waitForTimeout(2500);
    await upload(page, "small.png", "image/png", await sharp(image).resize(48, 32).png().toBuffer());
    await shown(page);
  });

  it("plays a video file's pictures larger", { timeout: 120_000 }, async () => {
    const page = await openPage(host.browser, host.site.url);
    await upload(page, "clip.webm", "video/webm", await clip());
    await page.waitForFunction(
      () => /frames\/s/.test(document.querySelector("#live-text")?.textContent ?? ""),
      undefined,
      { timeout: 60_000 },
    );
    const said = (await page.textContent("#live-text")) ?? "";
    console.log(`clip: ${said}`);
    await page.click("#live-stop");
    expect(await page.isVisible("#live")).toBe(false);
    await upload(page, "small.png", "image/png", await sharp(KODAK).resize(48, 32).png().toBuffer());
    await shown(page);
  });

  /** A second of 64×48, which the browser records itself: no other program is needed. */
  async function clip(): Promise<Buffer> {
    const page = await host.browser.newPage();
    onTestFinished(() => page.close());
    const bytes = await page.evaluate(async () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [64, 48];
      const context = canvas.getContext("2d") as CanvasRenderingContext2D;
      const recorder = new MediaRecorder(canvas.captureStream(12), { mimeType: "video/webm" });
      const parts: Blob[] = [];
      recorder.ondataavailable = ({ data }) => parts.push(data);
      const stopped = new Promise((resolve) => {
        recorder.onstop = resolve;
      });
      recorder.start();
      for (let i = 0; i < 20; i++) {
        context.fillStyle = `hsl(${18 * i} 80% 50%)`;
        context.fillRect(0, 0, 64, 48);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      recorder.stop();
      await stopped;
      return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    });
    return Buffer.from(bytes);
  }

  it("plays a camera's pictures larger, and takes one", { timeout: 120_000 }, async () => {
    const args = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    const withCamera = await chromium.launch({ executablePath, args });
    onTestFinished(() => withCamera.close());
    const page = await openPage(withCamera, host.site.url, { permissions: ["camera"] });
    await page.click("#open");
    await page.click("#open-camera");
    await page.waitForFunction(
      () => /frames\/s/.test(document.querySelector("#live-text")?.textContent ?? ""),
      undefined,
      {
        timeout: 60_000,
      },
    );
    const said = (await page.textContent("#live-text")) ?? "";
    console.log(`camera: ${said}`);
    expect(said).toMatch(/^[\d.]+ frames\/s · quality (1|0\.5|0\.25) · \d+×\d+$/);
    await page.click("#live-picture");
    await page.waitForFunction(() =>
      /^picture\.png, \d+×\d+/.test(document.querySelector("#image-title")?.textContent ?? ""),
    );
    await page.click("#cancel");
  });
});
