import { describe, expect, it } from "vitest";
import { DeviceError, UsageError } from "../../../core/src/errors.js";
import { cropPixels, sourceInMemory } from "../../src/images/pixels.js";
import { loadEngine } from "../../src/node/engine.js";
import { createSession } from "../../src/node/session.js";
import type { CreateSession } from "../../src/tiling/tiled-network.js";
import { spooledInBlobs } from "../../src/web/blob-pixels.js";
import { enlarged, load, picture, sessionsThat, TILES } from "./support.js";

describe("an upscaler of pixels", () => {
  it.each([
    [1, 1],
    [7, 500],
    [101, 103],
  ])("makes of %d×%d in tiles what it makes of the whole", async (width, height) => {
    const [whole, tiled] = [await load(), await load({ memory: TILES })];
    const image = picture(width, height);
    const progress: number[] = [];
    const expected = await enlarged(whole, image);
    const found = await enlarged(tiled, image, { onProgress: ({ done }) => progress.push(done) });
    expect(found).toEqual(expected);
    if (width * height > 5000) expect(progress.length).toBeGreaterThan(3);
  });

  it("says what it takes to reach a size, and takes that, whatever the images lie in meanwhile", async () => {
    const image = picture(61, 47);
    const upscaler = await load({ memory: TILES });
    const { passes, ...size } = await upscaler.workOf(image, { longEdge: 300 });
    expect([size, passes.length]).toEqual([{ width: 300, height: 231 }, 3]);
    const tiles = passes.reduce((sum, pass) => sum + pass.tiles, 0);
    expect(passes.every(({ pixels }, pass) => pixels > 61 * 47 * 4 ** pass)).toBe(true);
    const progress: unknown[] = [];
    const options = { longEdge: 300, onProgress: (now: unknown) => progress.push(now) };
    const inBlobs = await load({ memory: TILES }, { spool: spooledInBlobs });
    expect(await enlarged(inBlobs, image, options)).toEqual(await enlarged(upscaler, image, { longEdge: 300 }));
    expect(progress).toHaveLength(tiles);
    expect(progress.at(-1)).toEqual({ done: tiles, total: tiles });
    await expect(upscaler.workOf(image, { scale: 40 })).rejects.toThrow("6 times ×2");
  });

  it("gives tiles at their places", async () => {
    const upscaler = await load({ memory: TILES });
    const image = picture(90, 80);
    const expected = await enlarged(upscaler, image);
    let count = 0;
    for await (const { x, y, pixels } of upscaler.tiles(sourceInMemory(image))) {
      count++;
      expect(pixels).toEqual(cropPixels(expected, { x, y, width: pixels.width, height: pixels.height }));
    }
    expect(count).toBeGreaterThan(3);
  });

  it.each([
    [1, 8],
    [2, 8],
    [4, 8],
    [3, 16],
  ] as const)("leaves images of %d channels and %d bits what they are", async (channels, depth) => {
    const result = await enlarged(await load({ memory: TILES }), picture(60, 70, channels, depth));
    expect(result.channels).toBe(channels);
    expect(result.data).toBeInstanceOf(depth === 8 ? Uint8Array : Uint16Array);
  });

  it("has the file's qualities", async () => {
    const upscaler = await load();
    expect(upscaler.qualities).toEqual([1, 0.5]);
    const image = picture(20, 20);
    expect(await enlarged(upscaler, image, { quality: 0.5 })).not.toEqual(await enlarged(upscaler, image));
    await expect(enlarged(upscaler, image, { quality: 0.25 })).rejects.toThrow(
      "quality 0.25 isn't in the file; it has 1, 0.5",
    );
    await expect(load({ quality: 0.3 })).rejects.toThrow(UsageError);
  });

  it("takes the best quality that is in time", async () => {
    expect((await load({ quality: "auto", maxMs: 1e6 })).quality).toBe(1);
    expect((await load({ quality: "auto", minFps: 1e6 })).quality).toBe(0.5);
    await expect(load({ quality: "auto" })).rejects.toThrow("maxMs or minFps");
  });

  it.each([
    [{ scale: 1.5 }, [45, 60]],
    [{ scale: 3 }, [90, 120]],
    [{ size: { width: 37, height: 111 } }, [37, 111]],
    [{ longEdge: 100 }, [75, 100]],
  ])("makes images as large as %o says", async (size, expected) => {
    const upscaler = await load();
    const { width, height } = await enlarged(upscaler, picture(30, 40), size);
    expect([width, height]).toEqual(expected);
  });

  it("refuses sizes that say two things, or too much", async () => {
    const source = sourceInMemory(picture(30, 40));
    const upscaler = await load();
    expect(() => upscaler.enlarge(source, { scale: 2, longEdge: 9 })).toThrow("scale and longEdge");
    expect(() => upscaler.enlarge(source, { scale: 64 })).toThrow("6 times ×2");
    expect(() => upscaler.enlarge(source, { size: { width: 0, height: 3 } })).toThrow("0×3");
  });

  it("keeps the order of calls", async () => {
    const upscaler = await load();
    const order: number[] = [];
    const calls = [0, 1, 2].map((i) => enlarged(upscaler, picture(40 - 10 * i, 20)).then(() => order.push(i)));
    await Promise.all(calls);
    expect(order).toEqual([0, 1, 2]);
  });

  it("stops within a tile", async () => {
    const upscaler = await load({ memory: TILES });
    const stop = new AbortController();
    let tiles = 0;
    const run = enlarged(upscaler, picture(100, 100), {
      signal: stop.signal,
      onProgress: () => {
        if (++tiles === 2) stop.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(tiles).toBe(2);
    expect((await enlarged(upscaler, picture(10, 10))).width).toBe(20);
  });

  it("computes in smaller tiles where memory is short", async () => {
    const sizes: number[] = [];
    const limited = sessionsThat((session, pixels, ...call) => {
      sizes.push(pixels);
      if (pixels > 5000) throw new DeviceError("Failed to allocate memory for requested buffer");
      return session.run(...call);
    });
    const image = picture(120, 90);
    expect(await enlarged(await load({}, { create: limited }), image)).toEqual(await enlarged(await load(), image));
    expect(Math.max(...sizes)).toBe(120 * 90);
  });

  it("goes on on the processor where a device fails, and says why", async () => {
    const reasons: string[] = [];
    const failing: CreateSession = async (onnx, options) => {
      if (options?.device !== "cpu") throw new DeviceError("no adapter");
      return createSession(onnx, options);
    };
    const upscaler = await load(
      { device: "webgpu", onFallback: (reason) => reasons.push(reason) },
      { create: failing },
    );
    expect(upscaler.device).toBe("cpu");
    expect(reasons).toEqual(["webgpu is not used: slim.safetensors: no adapter"]);
    await expect(load({ device: "webgpu", strict: true }, { create: failing })).rejects.toThrow("no adapter");
  });

  it("doesn't use a device that computes something else", async () => {
    const wrong: CreateSession = async (onnx, options) => {
      const session = await createSession(onnx, { ...options, device: "cpu" });
      if (options?.device === "cpu") return session;
      return {
        close: () => session.close(),
        carried: () => session.carried(),
        run: async (feeds, how) => {
          const result = await session.run(feeds, how);
          const values = result.outputs.sr?.data as Float32Array;
          values[100] = (values[100] as number) + 3;
          return result;
        },
      };
    };
    const reasons: string[] = [];
    const upscaler = await load({ device: "webgpu", onFallback: (reason) => reasons.push(reason) }, { create: wrong });
    expect(upscaler.device).toBe("cpu");
    expect(reasons[0]).toContain("something else than the processor (by 3.0 of 255)");
  });

  it("runs in an engine that the caller has loaded", async () => {
    const image = picture(50, 40);
    expect(await enlarged(await load({ engine: await loadEngine() }), image)).toEqual(
      await enlarged(await load(), image),
    );
  });

  it("isn't used after it was disposed of", async () => {
    const upscaler = await load();
    await upscaler.dispose();
    await expect(enlarged(upscaler, picture(5, 5))).rejects.toThrow("disposed");
  });
});
