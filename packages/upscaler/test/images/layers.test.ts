import { describe, expect, it } from "vitest";
import { resizePlanesBicubic } from "../../../core/src/images/bicubic.js";
import { type ColourSpace, withBicubicChroma } from "../../../core/src/images/colour.js";
import { layersOf, pixelsOf } from "../../src/images/layers.js";
import { cropPixels, emptyPixels, type Pixels, pastePixels, peakOf, toDepth } from "../../src/images/pixels.js";
import { channelsOf, type Planes } from "../../src/images/planes.js";
import { tilesOfSize } from "../../src/tiling/tiles.js";
import { noisePixels } from "./noise.js";

/** What a network without any weights would make of planes. */
const enlarged = (planes: Planes, scale: number): Planes => {
  const { width, height, data } = resizePlanesBicubic({ ...planes, planes: channelsOf(planes) }, scale);
  return { width, height, data: data as Float32Array<ArrayBuffer> };
};

const upscaled = (pixels: Pixels, colour: ColourSpace, scale: number): Pixels =>
  pixelsOf(
    layersOf(pixels, colour).map((layer) => enlarged(layer, scale)),
    pixels,
    colour,
    scale,
  );

const spaces = ["rgb", "luma", "grey"] as const;

describe("pixels through layers and back", () => {
  it.each(spaces)("are the same where a network of %s changes nothing", (colour) => {
    for (const depth of [8, 16, "float"] as const) {
      for (const channels of [1, 2, 3, 4] as const) {
        const pixels = noisePixels(9, 5, channels, depth);
        // Of no alpha there is no colour.
        for (let i = 0; channels % 2 === 0 && i < pixels.data.length; i += channels) {
          if (pixels.data[i + channels - 1] === 0) pixels.data.fill(0, i, i + channels);
        }
        const through = upscaled(pixels, colour, 1);
        expect(through).toMatchObject({ width: 9, height: 5, channels });
        const tolerance = depth === "float" ? 2e-5 : depth === 16 && colour === "luma" ? 1 : 0;
        expect(through.data.constructor).toBe(pixels.data.constructor);
        const most = Math.max(...pixels.data.map((sample, i) => Math.abs(sample - (through.data[i] as number))));
        expect(most).toBeLessThanOrEqual(tolerance);
      }
    }
  });

  it("are grey after a network of RGB that colours them", () => {
    const grey: Pixels = { data: Uint8Array.of(0, 50, 100, 200), width: 2, height: 2, channels: 1 };
    const [layer] = layersOf(grey, "rgb") as [Planes];
    expect([...layer.data]).toEqual([0, 50, 100, 200, 0, 50, 100, 200, 0, 50, 100, 200]);
    layer.data.fill(255, 0, 4);
    expect([...pixelsOf([layer], grey, "rgb", 1).data]).toEqual([76, 111, 146, 216]);
  });

  it("have the bicubic's chroma of a network of luma", () => {
    const pixels = noisePixels(12, 7, 3, 8);
    const [luma] = layersOf(pixels, "luma") as [Planes];
    const [small] = layersOf(pixels, "rgb") as [Planes];
    expect(channelsOf(luma)).toBe(1);
    const brighter = { ...enlarged(luma, 2) };
    brighter.data.forEach((value, i) => {
      brighter.data[i] = value + 10;
    });
    const expected = withBicubicChroma({ planes: 1, ...brighter }, { planes: 3, ...small });
    const result = pixelsOf([brighter], pixels, "luma", 2);
    for (const [i, value] of expected.data.entries()) {
      const sample = result.data[(i % (24 * 14)) * 3 + Math.floor(i / (24 * 14))] as number;
      expect(sample).toBe(Math.min(255, Math.max(0, Math.round(value))));
    }
  });

  it("are clipped, and 0 where the network yields no number", () => {
    const pixels = { data: Uint8Array.of(1, 2, 3, 4), width: 2, height: 2, channels: 1 } as const;
    const result = { width: 2, height: 2, data: Float32Array.of(-3, 300, Number.NaN, 7.5) };
    expect([...pixelsOf([result], pixels, "grey", 1).data]).toEqual([0, 255, 0, 8]);
  });
});

describe("alpha", () => {
  /** A red disc, opaque, on a ground that nobody sees. */
  const disc = (ground: readonly [number, number, number]): Pixels => {
    const pixels = emptyPixels({ width: 32, height: 32, channels: 4, depth: 8 });
    for (let i = 0; i < 1024; i++) {
      const isInside = Math.hypot((i % 32) - 15.5, Math.floor(i / 32) - 15.5) < 10;
      pixels.data.set(isInside ? [255, 0, 0, 255] : [...ground, 0], i * 4);
    }
    return pixels;
  };

  it.each(spaces)("keeps colours that nobody sees from a network of %s", (colour) => {
    const onGreen = upscaled(disc([0, 255, 0]), colour, 2);
    expect(onGreen).toEqual(upscaled(disc([9, 8, 255]), colour, 2));
    const alphas = new Set<number>();
    for (let at = 0; at < onGreen.data.length; at += 4) {
      const [red, green, blue, alpha] = [...onGreen.data.subarray(at, at + 4)] as [number, number, number, number];
      alphas.add(alpha);
      if (alpha === 0) expect([red, green, blue]).toEqual([0, 0, 0]);
      else expect([red, green, blue]).toEqual([expect.closeTo(255, -0.5), 0, 0]);
    }
    expect(alphas.size).toBeGreaterThan(3);
    expect(onGreen.data[(32 * 64 + 32) * 4 + 3]).toBe(255);
  });

  it("that is the same everywhere is no layer, and nothing is run where nothing is seen", () => {
    const pixels = noisePixels(6, 4, 4, 8);
    const withAlpha = (alpha: number) => ({
      ...pixels,
      data: pixels.data.map((sample, i) => (i % 4 === 3 ? alpha : sample)),
    });
    expect(layersOf(withAlpha(255), "rgb")).toHaveLength(1);
    expect(layersOf(withAlpha(99), "grey")).toHaveLength(3);
    expect(layersOf(withAlpha(0), "rgb")).toHaveLength(0);
    expect(layersOf(pixels, "rgb")).toHaveLength(2);
    expect(layersOf(pixels, "grey")).toHaveLength(4);
    expect(pixelsOf([], withAlpha(0), "rgb", 2).data.every((sample) => sample === 0)).toBe(true);
    expect(
      upscaled(withAlpha(99), "rgb", 3)
        .data.filter((_, i) => i % 4 === 3)
        .every((alpha) => alpha === 99),
    ).toBe(true);
    const opaque = withAlpha(255);
    const colours = { ...pixels, channels: 3, data: opaque.data.filter((_, i) => i % 4 < 3) } as const;
    expect(upscaled(opaque, "rgb", 2).data.filter((_, i) => i % 4 < 3)).toEqual(upscaled(colours, "rgb", 2).data);
  });

  it.each([8, 16, "float"] as const)("that is full leaves colours of depth %s as they are beside others", (depth) => {
    const opaque = noisePixels(64, 64, 4, depth);
    const white = peakOf(depth);
    for (let at = 3; at < opaque.data.length; at += 4) opaque.data[at] = white;
    const holed = { ...opaque, data: opaque.data.slice() };
    holed.data[holed.data.length - 1] = 0;
    // What networks yield isn't what samples can hold.
    const results = [...layersOf(opaque, "rgb"), ...layersOf(holed, "rgb").slice(1)].map((layer) => ({
      ...layer,
      data: layer.data.map((value) => value * 0.987 + 1.3),
    }));
    const [whole, other] = [pixelsOf(results.slice(0, 1), opaque, "rgb", 1), pixelsOf(results, holed, "rgb", 1)];
    const rows = 62 * 64 * 4;
    expect(other.data.subarray(0, rows)).toEqual(whole.data.subarray(0, rows));
    expect(whole.data.filter((_, i) => i % 4 === 3).every((alpha) => alpha === white)).toBe(true);
  });

  it.each(spaces)("comes out of tiles as of the whole, through a network of %s that changes flat planes", (colour) => {
    const pixels = disc([0, 255, 0]);
    const bent = (part: Pixels) =>
      pixelsOf(
        layersOf(part, colour).map((layer) => {
          const result = enlarged(layer, 2);
          for (let i = 0; i < result.data.length; i++) result.data[i] = (result.data[i] as number) * 0.98 + 1;
          return result;
        }),
        part,
        colour,
        2,
      );
    const whole = bent(pixels);
    const pasted = emptyPixels({ ...whole, depth: 8 });
    const tiles = tilesOfSize(pixels, { width: 12, height: 12 }, 3);
    expect(new Set(tiles.map(({ input }) => layersOf(cropPixels(pixels, input), colour).length)).size).toBe(2);
    for (const { input, core } of tiles) {
      const from = {
        x: (core.x - input.x) * 2,
        y: (core.y - input.y) * 2,
        width: core.width * 2,
        height: core.height * 2,
      };
      pastePixels(pasted, core.x * 2, core.y * 2, bent(cropPixels(pixels, input)), from);
    }
    expect(pasted).toEqual(whole);
  });
});

describe("rectangles and depths", () => {
  it("repeat the right and bottom border where they reach past it", () => {
    const pixels = { data: Uint16Array.of(1, 2, 3, 4, 5, 6, 7, 8), width: 2, height: 2, channels: 2 } as const;
    const cropped = cropPixels(pixels, { x: 1, y: 1, width: 2, height: 2 });
    expect(cropped).toEqual({ data: Uint16Array.of(7, 8, 7, 8, 7, 8, 7, 8), width: 2, height: 2, channels: 2 });
  });

  it("are rounded where a depth is coarser", () => {
    const wide = { data: Uint16Array.of(0, 128, 129, 65535), width: 4, height: 1, channels: 1 } as const;
    expect([...toDepth(wide, 8).data]).toEqual([0, 0, 1, 255]);
    const floats = { data: Float32Array.of(-1, 0.5, 2, Number.NaN), width: 4, height: 1, channels: 1 } as const;
    expect([...toDepth(floats, 8).data]).toEqual([0, 128, 255, 0]);
    expect([...toDepth(floats, 16).data]).toEqual([0, 32768, 65535, 0]);
    const bytes = noisePixels(16, 16, 1, 8);
    expect(toDepth(toDepth(bytes, 16), 8)).toEqual(bytes);
    expect(toDepth(toDepth(bytes, "float"), 8)).toEqual(bytes);
  });
});
