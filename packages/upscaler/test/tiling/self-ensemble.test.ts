import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import type { Planes } from "../../src/images/planes.js";
import { selfEnsemble } from "../../src/tiling/self-ensemble.js";

const image = (width: number, height: number): Planes => ({
  width,
  height,
  data: new Random(3).floats(3 * width * height, 0, 255) as Float32Array<ArrayBuffer>,
});

/** Each pixel as often as ×2 wants it. */
function nearest({ width, height, data }: Planes): Planes {
  const doubled = new Float32Array(12 * width * height);
  for (let i = 0; i < doubled.length; i++) {
    const [plane, y, x] = [
      Math.floor(i / (4 * width * height)),
      Math.floor(i / (2 * width)) % (2 * height),
      i % (2 * width),
    ];
    doubled[i] = data[(plane * height + (y >> 1)) * width + (x >> 1)] as number;
  }
  return { width: 2 * width, height: 2 * height, data: doubled };
}

describe("self-ensemble", () => {
  it("changes nothing where the network is symmetric", async () => {
    const input = image(7, 4);
    const expected = nearest(input);
    const output = await selfEnsemble(input, async (turned) => nearest(turned));
    expect(output).toMatchObject({ width: 14, height: 8 });
    output.data.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.data[i] as number, 3);
    });
  });

  it("runs eight different images", async () => {
    const seen = new Set<string>();
    await selfEnsemble(image(5, 3), async (turned) => {
      seen.add(`${turned.width} ${turned.data.join()}`);
      return turned;
    });
    expect(seen.size).toBe(8);
  });

  it("averages a shift of one pixel over the four directions, each twice", async () => {
    const input: Planes = { width: 3, height: 3, data: new Float32Array(27) };
    input.data[4] = 8;
    const shifted = async ({ width, height, data }: Planes): Promise<Planes> => ({
      width,
      height,
      data: data.map((_, i) => (i % width === 0 ? 0 : (data[i - 1] as number))),
    });
    const { data } = await selfEnsemble(input, shifted);
    expect([...data.subarray(0, 9)]).toEqual([0, 2, 0, 2, 0, 2, 0, 2, 0]);
  });
});
