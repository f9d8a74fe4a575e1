import { describe, expect, it } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { digest, noise, photograph } from "../../../../test/support/photographs.js";
import { ImageError } from "../../src/errors.js";
import { resizeBicubic, resizePlanesBicubic } from "../../src/images/bicubic.js";
import { cropToMultiple, type Image, imageOf } from "../../src/images/image.js";

/** The definition, sample by sample, with the axis counted from 0 and no table of weights. */
function resizedLine(line: number[], scale: number): number[] {
  const stretch = Math.max(1, 1 / scale);
  const keys = (t: number) => (t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0);
  return Array.from({ length: Math.ceil(line.length * scale) }, (_, i) => {
    const centre = (i + 0.5) / scale - 0.5;
    let sum = 0;
    let total = 0;
    for (let j = Math.ceil(centre - 2 * stretch); j <= centre + 2 * stretch; j++) {
      const weight = keys(Math.abs(centre - j) / stretch);
      let at = j;
      while (at < 0 || at >= line.length) at = at < 0 ? -1 - at : 2 * line.length - 1 - at;
      sum += weight * (line[at] as number);
      total += weight;
    }
    return sum / total;
  });
}

function resizedByDefinition(image: Image, scale: number): number[][] {
  const { width, height, channels, depth, data } = image;
  const clip = (v: number) => Math.min(Math.max(Math.round(v), 0), 2 ** depth - 1);
  return Array.from({ length: channels }, (_, channel) => {
    const columns = Array.from({ length: width }, (_, x) =>
      resizedLine(
        Array.from({ length: height }, (_, y) => data[(y * width + x) * channels + channel] as number),
        scale,
      ).map(clip),
    );
    const rows = (columns[0] as number[]).map((_, y) => columns.map((column) => column[y] as number));
    return rows.flatMap((row) => resizedLine(row, scale).map(clip));
  });
}

describe("bicubic resizing", () => {
  it.each([1 / 2, 1 / 3, 1 / 4, 2, 3, 4, 0.7, 1.37])("by %d agrees with the definition", (scale) => {
    for (const image of [noise(23, 17, 3, 8), noise(6, 9, 1, 16)]) {
      const resized = resizeBicubic(image, scale);
      const expected = resizedByDefinition(image, scale);
      expect([resized.width, resized.height]).toEqual([
        Math.ceil(image.width * scale),
        Math.ceil(image.height * scale),
      ]);
      let largest = 0;
      for (let i = 0; i < resized.data.length; i++) {
        const { channels } = image;
        const value = expected[i % channels]?.[Math.floor(i / channels)] as number;
        largest = Math.max(largest, Math.abs((resized.data[i] as number) - value));
      }
      // Sums that lie at a half may fall to either side, the order of the summands being another.
      expect(largest).toBeLessThanOrEqual(scale === 0.5 || scale === 0.25 || scale === 2 || scale === 4 ? 0 : 1);
    }
  });

  it("rounds to the sample type after the rows and again after the columns", () => {
    // Rows: 6.5 → 7; columns: 7 and 0 halve to 3.5 → 4. Without the first rounding it were 3.25 → 3.
    const image = imageOf(2, 2, 1, Uint8Array.of(13, 0, 0, 0));
    expect([...resizeBicubic(image, 0.5).data]).toEqual([4]);
    expect(
      resizePlanesBicubic({ planes: 1, width: 2, height: 2, data: Float64Array.of(13, 0, 0, 0) }, 0.5).data[0],
    ).toBe(3.25);
  });

  // Made by this code when it had been compared, sample by sample, with the 57 LR images of Set5 and Set14.
  it.each([
    [2, "e1ffef5d34f734d9"],
    [3, "e5b539d73f903fe3"],
    [4, "6056e990c91e9354"],
  ])("of a photograph by 1/%i is unchanged", async (scale, expected) => {
    expect(digest(resizeBicubic(cropToMultiple(await photograph("05"), scale), 1 / scale))).toBe(expected);
  });

  it("leaves float planes neither rounded nor clipped, one apart from another", () => {
    const data = Float32Array.of(0, 0, 300.25, 300.25, 5, 5, 5, 5);
    const up = resizePlanesBicubic({ planes: 2, width: 4, height: 1, data }, 2);
    expect([up.planes, up.width, up.height]).toEqual([2, 8, 2]);
    expect(Math.min(...up.data)).toBeLessThan(-10);
    expect(Math.max(...up.data)).toBeGreaterThan(301);
    expect([...up.data.subarray(16)]).toEqual(new Array(16).fill(5));
  });

  it("keeps a constant image constant", () => {
    const grey = imageOf(9, 7, 1, new Uint8Array(63).fill(137));
    expect(new Set(resizeBicubic(grey, 1 / 3).data)).toEqual(new Set([137]));
    expect(new Set(resizeBicubic(grey, 3.3).data)).toEqual(new Set([137]));
  });

  it("takes images smaller than the kernel", () => {
    expect(resizeBicubic(noise(1, 1, 3, 8), 1 / 4)).toMatchObject({ width: 1, height: 1 });
    expect(resizeBicubic(noise(2, 1, 4, 16), 8)).toMatchObject({ width: 16, height: 8 });
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses the factor %d", (scale) => {
    expect(() => resizeBicubic(noise(2, 2, 1, 8), scale)).toThrow(ImageError);
  });
});

describe("an image of two rows or columns", () => {
  it.each([
    [2, 6_000_000],
    [6_000_000, 2],
  ])("of %i×%i pixels is reduced in little memory beside its samples", { timeout: 120_000 }, async (width, height) => {
    const core = new URL("../../dist/images/", import.meta.url).href;
    const { stdout, stderr } = await runSource(
      `const { resizeBicubic } = await import("${core}bicubic.js");
       const { imageOf } = await import("${core}image.js");
       const image = imageOf(${width}, ${height}, 1, new Uint8Array(12e6).map((_, i) => i * 7));
       const before = process.resourceUsage().maxRSS;
       const small = resizeBicubic(image, 1 / 2);
       console.log(small.width, small.height, (process.resourceUsage().maxRSS - before) / 1024);`,
      { seconds: 100 },
    );
    const [wide, high, mebibytes] = stdout.split(" ").map(Number) as [number, number, number];
    expect([wide, high], stderr).toEqual([width / 2, height / 2]);
    // Weights of all pixels took 700.
    expect(mebibytes).toBeLessThan(100);
  });
});
