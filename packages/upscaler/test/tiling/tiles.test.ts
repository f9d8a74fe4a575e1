import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { planTiles, type Tile, tilesOfSize } from "../../src/tiling/tiles.js";

/** Each pixel of the image lies in one core; cores have the overlap around them, save at the border. */
function check(tiles: readonly Tile[], width: number, height: number, overlap: number): void {
  const owners = new Uint8Array(width * height);
  for (const { input, core } of tiles) {
    expect(core.width > 0 && core.height > 0).toBe(true);
    for (let y = core.y; y < core.y + core.height; y++) {
      for (let x = core.x; x < core.x + core.width; x++) owners[y * width + x] = (owners[y * width + x] as number) + 1;
    }
    expect(input.x).toBeLessThanOrEqual(Math.max(0, core.x - overlap));
    expect(input.y).toBeLessThanOrEqual(Math.max(0, core.y - overlap));
    expect(input.x + input.width).toBeGreaterThanOrEqual(Math.min(width, core.x + core.width + overlap));
    expect(input.y + input.height).toBeGreaterThanOrEqual(Math.min(height, core.y + core.height + overlap));
    expect(Math.min(input.x, input.y)).toBeGreaterThanOrEqual(0);
  }
  expect(owners.every((count) => count === 1)).toBe(true);
}

describe("tiles", () => {
  it("are one where the image fits", () => {
    const whole = { x: 0, y: 0, width: 40, height: 30 };
    expect(planTiles(whole, 8, { pixels: 1200 })).toEqual([{ input: whole, core: whole }]);
  });

  it("cover any image within the limit, all of one size", () => {
    const random = new Random(1);
    for (let i = 0; i < 300; i++) {
      const [width, height] = [random.integer(1, 300), random.integer(1, 300)];
      const overlap = random.integer(0, 40);
      const limit = random.integer(1, 30_000);
      const tiles = planTiles({ width, height }, overlap, { pixels: limit });
      check(tiles, width, height, overlap);
      const pixels = tiles.map(({ input }) => input.width * input.height);
      expect(new Set(pixels).size).toBe(1);
      const smallest = (2 * overlap + 16) ** 2;
      expect(pixels[0]).toBeLessThanOrEqual(Math.max(limit, smallest));
    }
  });

  it("have no more rows than they may, and as many pixels all the same", () => {
    const tiles = planTiles({ width: 10_000, height: 3000 }, 20, { pixels: 1_000_000, rows: 400 });
    const [{ input }] = tiles as [Tile];
    check(tiles, 10_000, 3000, 20);
    expect(input.height).toBeLessThanOrEqual(400);
    expect(input.width * input.height).toBeGreaterThan(800_000);
  });

  it("compute little more than the image where tiles can be much larger than their overlap", () => {
    const tiles = planTiles({ width: 2040, height: 1356 }, 20, { pixels: 300_000 });
    const computed = tiles.reduce((sum, { input }) => sum + input.width * input.height, 0);
    expect(computed / (2040 * 1356)).toBeLessThan(1.2);
  });

  it("have the size that a model wants, past the border of images smaller than that", () => {
    const random = new Random(2);
    for (let i = 0; i < 100; i++) {
      const window = { width: random.integer(20, 60), height: random.integer(20, 60) };
      const overlap = random.integer(0, 8);
      const [width, height] = [random.integer(10, 200), random.integer(10, 200)];
      const tiles = tilesOfSize({ width, height }, window, overlap);
      check(tiles, width, height, overlap);
      for (const { input } of tiles) expect(input).toMatchObject(window);
    }
  });
});
