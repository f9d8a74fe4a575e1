import { describe, expect, it, onTestFinished } from "vitest";
import { createSession } from "../../src/node/session.js";
import type { CreateSession } from "../../src/tiling/tiled-network.js";
import { loadNetwork, type NetworkOptions } from "../../src/upscaling/load.js";
import type { PixelUpscaler } from "../../src/upscaling/pixel-upscaler.js";
import { enlarged, load, networkFile, picture, TILES } from "./support.js";

/** Sessions of a device that computes what the processor does, in more or less time; sizes of what it is given. */
function device(slowness: number) {
  const sizes: string[] = [];
  let opened = 0;
  const create: CreateSession = async (onnx, options) => {
    const session = await createSession(onnx, { ...options, device: "cpu" });
    if (options.device === "cpu") return session;
    opened++;
    return {
      close: () => session.close(),
      carried: () => session.carried(),
      run: async (feeds, how) => {
        sizes.push(String(feeds.lr?.shape.slice(2)));
        const result = await session.run(feeds, how);
        return { ...result, milliseconds: slowness * result.milliseconds };
      },
    };
  };
  return { create, sizes, opened: () => opened };
}

async function open(
  create: CreateSession,
  options: NetworkOptions = {},
  tilesPerSession?: number,
): Promise<{ upscaler: PixelUpscaler; reasons: string[] }> {
  const reasons: string[] = [];
  const platform = {
    ...{ create, createForeign: create, autoDevice: async () => "webgpu" as const },
    ...(tilesPerSession !== undefined && { tilesPerSession }),
  };
  const told = { threads: 1, onFallback: (reason: string) => reasons.push(reason), ...options };
  const upscaler = await loadNetwork(networkFile(), platform, told);
  onTestFinished(() => upscaler.dispose());
  return { upscaler, reasons };
}

const at = { width: 100, height: 90 };

describe("an automatic device", () => {
  it("is checked with a tile of the images' size", async () => {
    const { create, sizes } = device(0);
    const { upscaler, reasons } = await open(create, { at });
    expect([upscaler.device, reasons]).toEqual(["webgpu", []]);
    expect(new Set(sizes)).toEqual(new Set(["90,100"]));
    const tiled = device(0);
    const { upscaler: small } = await open(tiled.create, { at, memory: TILES });
    const [first] = (await small.networkOf()).plan(at).tiles;
    expect(new Set(tiled.sizes)).toEqual(new Set([`${first?.input.height},${first?.input.width}`]));
  });

  it("is left where it is slower than the processor, unless it was asked for by name", async () => {
    const { create } = device(1000);
    const { upscaler, reasons } = await open(create, { at });
    expect(upscaler.device).toBe("cpu");
    expect(reasons[0]).toMatch(/^webgpu is not used: a tile takes it \d+ ms where the processor takes \d+ ms$/);
    expect((await open(create, { at, device: "webgpu" })).upscaler.device).toBe("webgpu");
    expect((await open(create, { at, strict: true })).upscaler.device).toBe("webgpu");
  });
});

describe("a session whose memory only grows", () => {
  it("is opened anew after some tiles, and the image stays the same", async () => {
    const { create, opened } = device(0);
    const { upscaler } = await open(create, { memory: TILES }, 4);
    const image = picture(120, 90);
    let tiles = 0;
    const made = await enlarged(upscaler, image, { onProgress: ({ done }) => (tiles = done) });
    expect(made).toEqual(await enlarged(await load({ memory: TILES }), image));
    expect(tiles).toBeGreaterThan(8);
    expect(opened()).toBe(1 + Math.floor((tiles - 1) / 4));
  });
});

describe("a quality's cost", () => {
  it("is known before it is compiled", async () => {
    const upscaler = await load();
    const [whole, half] = [upscaler.costOf(1), upscaler.costOf(0.5)];
    expect(whole?.parameters).toBeGreaterThan(2 * (half?.parameters ?? 0));
    expect(whole?.macs).toBeGreaterThan(2 * (half?.macs ?? 0));
  });
});
