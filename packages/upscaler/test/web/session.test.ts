import { type Browser, chromium, type Page } from "playwright-core";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { CHROMIUM, describeWith } from "../../../../test/support/requirement.js";
import type { WebSessionOptions } from "../../src/web/options.js";
import { inBrowser } from "./browser.js";
import { image, network } from "./networks.js";
import type { Upscaler } from "./page.js";
import { WEBGPU } from "./webgpu.js";

/** In the page. */
declare const upscaler: Upscaler;

describeWith(CHROMIUM, "a session in a browser", (executablePath) => {
  const { open: openPage, site } = inBrowser(executablePath);
  let page: Page;

  /** A page that must not have complained until the test ends. */
  async function open(path: string, from?: Browser): Promise<Page> {
    const complaints: string[] = [];
    onTestFinished(() => expect(complaints).toEqual([]));
    const watch = (opened: Page) => {
      opened.on("console", (message) => complaints.push(message.text()));
      opened.on("pageerror", (error) => complaints.push(String(error)));
    };
    return openPage(path, { ...(from && { from }), watch });
  }

  beforeEach(async () => {
    page = await open("/isolated");
  });

  const errorOf = (options: WebSessionOptions): Promise<string> =>
    page.evaluate((given) => upscaler.errorOf(upscaler.createSession(upscaler.network(), given)), options);

  /** The network's output for the image, in the page. */
  const upscaled = (at: Page, options: WebSessionOptions) =>
    at.evaluate(async (given) => {
      const session = await upscaler.createSession(upscaler.network(), given);
      const { outputs, feeds } = await session.run({ lr: upscaler.image() });
      await session.close();
      const { shape, data } = outputs.sr ?? upscaler.image();
      return { shape, values: Array.from(data, Number), feeds: Object.keys(feeds) };
    }, options);

  async function expectNodes({ shape, values, feeds }: Awaited<ReturnType<typeof upscaled>>): Promise<void> {
    const nodes = floats(await evaluate(network(), { lr: image() }), "sr");
    expect(shape).toEqual([1, 3, 24, 20]);
    expect(feeds).toEqual([]);
    expect(values).toHaveLength(nodes.length);
    expect(Math.max(...nodes.map((value, i) => Math.abs(value - (values[i] as number))))).toBeLessThan(1e-5);
  }

  it("computes what Node's does", async () => {
    await expectNodes(await upscaled(page, {}));
  });

  it("takes the engine's files from where it is told to", async () => {
    const before = site().requests.length;
    await expectNodes(await upscaled(page, { wasmPaths: "engine/" }));
    const requests = site().requests.slice(before);
    expect(requests).toContain("/engine/ort-wasm-simd-threaded.mjs");
    expect(requests).toContain("/engine/ort-wasm-simd-threaded.wasm");
  });

  it("has threads in a page that is isolated, and one elsewhere", async () => {
    /** How often the worker's script is loaded: by the session and by each thread beside its own. */
    const scripts = async (at: Page, threads: number) => {
      const before = site().requests.length;
      await expectNodes(await upscaled(at, { threads }));
      return site()
        .requests.slice(before)
        .filter((path) => path === "/session-worker-cpu.js").length;
    };
    expect(await scripts(page, 1)).toBe(1);
    expect(await scripts(page, 3)).toBe(3);
    expect(await scripts(await open("/shared"), 3)).toBe(1);
  });

  it("takes a model's bytes, which stay the caller's", async () => {
    const [before, after] = await page.evaluate(async () => {
      const bytes = upscaler.writeOnnx(upscaler.network());
      const copy = bytes.slice();
      await (await upscaler.createSession(bytes, { threads: 1 })).close();
      return [copy.join(), bytes.join()];
    });
    expect(after).toBe(before);
  });

  it("leaves the page's thread free while it runs", async () => {
    const { took, ticks, longest } = await page.evaluate(async () => {
      const session = await upscaler.createSession(upscaler.heavy(512, 16), { threads: 1 });
      const x = upscaler.float32(new Float32Array(512 * 512).fill(0.1), [512, 512]);
      let [ticks, longest, last] = [0, 0, performance.now()];
      const timer = setInterval(() => {
        ticks++;
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 2);
      const start = last;
      await session.run({ x });
      const took = performance.now() - start;
      clearInterval(timer);
      await session.close();
      return { took, ticks, longest };
    });
    expect(took).toBeGreaterThan(50);
    expect(ticks).toBeGreaterThan(5);
    expect(longest).toBeLessThan(took / 2);
  });

  it("answers runs in their order, and finishes those that wait when it is closed", async () => {
    const { order, means, late } = await page.evaluate(async () => {
      const session = await upscaler.createSession(upscaler.network(), { threads: 1 });
      const order: number[] = [];
      const runs = Array.from({ length: 10 }, async (_, i) => {
        const { outputs } = await session.run({ lr: upscaler.image(i) });
        order.push(i);
        return Number(outputs.sr?.data[0]);
      });
      await Promise.all([session.close(), session.close()]);
      const late = await upscaler.errorOf(session.run({ lr: upscaler.image() }));
      return { order, means: await Promise.all(runs), late };
    });
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(means).size).toBe(10);
    expect(late).toBe("DeviceError: the session is closed");
  });

  it("moves buffers there and back", async () => {
    const moved = await page.evaluate(async () => {
      const session = await upscaler.createSession(upscaler.network(), { threads: 1 });
      const expected = (await session.run({ lr: upscaler.image() })).outputs.sr?.data.join();
      const [lr, sr] = [upscaler.image(), upscaler.float32(new Float32Array(1440), [1, 3, 24, 20])];
      const running = session.run({ lr }, { move: ["lr"], into: { sr } });
      const meanwhile = [lr.data.length, sr.data.length];
      const { feeds, outputs } = await running;
      await session.close();
      return {
        meanwhile,
        feeds: feeds.lr?.data.join() === upscaler.image().data.join(),
        outputs: outputs.sr?.data.join() === expected,
      };
    });
    expect(moved).toEqual({ meanwhile: [0, 0], feeds: true, outputs: true });
  });

  it("refuses tensors that don't fit, and runs on", async () => {
    const { errors, after } = await page.evaluate(async () => {
      const session = await upscaler.createSession(upscaler.network(), { threads: 1 });
      const lr = upscaler.image();
      const view = upscaler.float32(new Float32Array(364).subarray(4), lr.shape);
      const target = upscaler.float32(new Float32Array(1440), [1, 3, 20, 24]);
      const errors = [
        await upscaler.errorOf(session.run({ lr: view }, { move: ["lr"] })),
        await upscaler.errorOf(session.run({ lr }, { into: { sr: target } })),
        await upscaler.errorOf(session.run({ lr: upscaler.float32(new Float32Array(330), [1, 3, 11, 10]) })),
      ];
      const after = (await session.run({ lr })).outputs.sr?.shape;
      const odd = upscaler.float32(new Float32Array(330), [1, 3, 11, 10]);
      errors.push(await upscaler.errorOf(session.run({ lr: odd }, { move: ["lr"] })));
      errors.push(await upscaler.errorOf(session.run({ lr: odd }, { move: ["lr"] })));
      errors.push(await upscaler.errorOf(session.run({ lr: odd })));
      await session.run({ lr });
      await session.close();
      return { errors, after };
    });
    expect(errors[0]).toBe(
      "DeviceError: a tensor of shape [1, 3, 12, 10] is a view of a larger buffer and can't be moved",
    );
    expect(errors[1]).toBe(
      "DeviceError: output: sr is float32 [1, 3, 24, 20] and can't be written into float32 [1, 3, 20, 24]",
    );
    expect(errors[2]).toMatch(/^DeviceError: [\s\S]*index: 2 Got: 11 Expected: 12/);
    expect(after).toEqual([1, 3, 24, 20]);
    expect(errors[3]).toMatch(/index: 2 Got: 11 Expected: 12/);
    const gone = "DeviceError: lr: its buffer was moved into an earlier run";
    expect(errors.slice(4)).toEqual([gone, gone]);
  });

  it("refuses bytes that are no model", async () => {
    const error = await page.evaluate(() => upscaler.errorOf(upscaler.createSession(Uint8Array.of(1, 2, 3))));
    expect(error).toMatch(/^OnnxError: damaged or not an ONNX model/);
  });

  it.each<[WebSessionOptions, RegExp]>([
    [{ profile: "profile" }, /can't honour profile: it writes no files; leave the option out/],
    [{ optimisedModel: "model.onnx" }, /can't honour optimisedModel: it writes no files/],
    [{ carried: { y: "x" } }, /can't honour carried: its runs hand all outputs back/],
    [{ spinning: false }, /can't honour spinning: false: its idle threads always spin/],
    [{ device: "cuda" }, /device cuda isn't there: browsers have cpu and webgpu/],
  ])("refuses %o", async (options, message) => {
    const error = await errorOf(options);
    expect(error).toMatch(/^DeviceError: /);
    expect(error).toMatch(message);
  });

  it("says what an engine needs that doesn't start", async () => {
    expect(await errorOf({ wasmPaths: "/nowhere/" })).toMatch(/^DeviceError: device cpu: [\s\S]*wasmPaths/);
    expect(await errorOf({ device: "webgpu" })).toMatch(
      /^DeviceError: device webgpu: [\s\S]*needs a browser that has it/,
    );
  });

  it("computes the same on a graphics processor", async () => {
    const withGpu = await chromium.launch({ executablePath, args: WEBGPU });
    onTestFinished(() => withGpu.close());
    await expectNodes(await upscaled(await open("/isolated", withGpu), { device: "webgpu" }));
  });
});
