import { describe, expect, it } from "vitest";
import { nearest } from "../../../../test/support/image-models.js";
import { carn, edsr, modelOf } from "../../../../test/support/networks.js";
import { rounded } from "../../../../test/support/rounded.js";
import { deploy } from "../../../core/src/export/deployment.js";
import { int, type Value } from "../../../core/src/graph/index.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { single } from "../../../core/src/operators/apply.js";
import { pixelShuffle, relu, SpaceToDepth } from "../../../core/src/operators/index.js";
import { integerModel } from "../../../core/src/quantisation/stored.js";
import type { Depth, Pixels } from "../../src/images/pixels.js";
import { readNetworkFile } from "../../src/loading/network-file.js";
import { loadEngine } from "../../src/node/engine.js";
import { convolved, difference, enlarged, inBothWays, load, networkFile, onnx, picture } from "./support.js";

/** 8×8 pixels become one. */
const folded = (x: Value): Value => single(SpaceToDepth, [x], { blocksize: int(8) });

/** Looks two pixels far. */
const twoLayers = (x: Value): Value => pixelShuffle(convolved(relu(convolved(x, 8)), 4 * (x.shape[1] as number)), 2);

describe("in tiles an image is made just what it is in one piece", () => {
  const layouts = ([8, 16, "float"] as const).flatMap((depth) =>
    ([1, 2, 3, 4] as const).map((channels): [Pixels["channels"], Depth] => [channels, depth]),
  );

  it.each(layouts)("with %d channels of depth %s", async (channels, depth) => {
    const image = picture(101, 103, channels, depth);
    const { whole, tiled, tiles } = await inBothWays({ file: networkFile(), image });
    expect(difference(tiled, whole)).toBe(0);
    expect(tiles).toBeGreaterThan(3);
  });

  const networks: [string, NetworkOptions][] = [
    ["of luma", { architecture: "fsrcnn", scale: 2, channels: 1, features: 12, range: 1, shrunk: 4, layers: 2 }],
    ["of luma at ×3", { architecture: "espcn-luma", scale: 3, channels: 1, features: 8, range: 1 }],
    ["of grey", { architecture: "dncnn", scale: 1, channels: 1, features: 8, range: 1, layers: 4 } as NetworkOptions],
    ["at ×4", edsr(4)],
    ["with a cascade", carn(2)],
  ];
  it.each(networks)("by a network %s", async (_, network) => {
    const file = networkFile(network, [1]);
    for (const channels of [1, 3, 4] as const) {
      const { whole, tiled, tiles, notes } = await inBothWays({
        file,
        image: picture(101, 103, channels),
        memory: 2 ** 18,
      });
      expect(difference(tiled, whole)).toBe(0);
      expect(tiles).toBeGreaterThan(1);
      expect(notes).toEqual([]);
    }
  });

  it("by one in integers, whose linear part makes the border apart", async () => {
    const network = modelOf(edsr(2));
    const trained = rounded(network, 8);
    expect(deploy(trained).cost?.radius).toBe(network.descriptor.reach);
    const file = readNetworkFile(integerModel(trained), "int8.onnx");
    expect(file.deployment(1).size.minimum).toBeGreaterThan(1);
    const { whole, tiled, tiles, notes } = await inBothWays({ file, image: picture(101, 103), memory: 2 ** 18 });
    expect(difference(tiled, whole)).toBe(0);
    expect(tiles).toBeGreaterThan(3);
    expect(notes).toEqual([]);
  });

  it.each([false, true])("by a network that folds its input, self-ensemble %s", async (selfEnsemble) => {
    const file = networkFile(
      { architecture: "ffdnet", scale: 1, channels: 3, features: 8, range: 1, layers: 3, noise: 15 },
      [1],
    );
    const { whole, tiled, tiles, notes } = await inBothWays({
      file,
      image: picture(81, 103),
      memory: 2 ** 16,
      options: { selfEnsemble },
    });
    expect(difference(tiled, whole)).toBe(0);
    expect(tiles).toBeGreaterThan(1);
    expect(notes).toEqual([]);
  });

  it.each([
    [1, 1],
    [7, 500],
    [499, 5],
    [97, 89],
  ])("of %d×%d pixels, alpha among them, with the self-ensemble", async (width, height) => {
    const image = picture(width, height, 4);
    const { whole, tiled } = await inBothWays({ file: networkFile(), image, options: { selfEnsemble: true } });
    expect(difference(tiled, whole)).toBe(0);
  });

  it("where it is run twice and reduced", async () => {
    const { whole, tiled } = await inBothWays({ file: networkFile(), image: picture(61, 67), options: { scale: 3 } });
    expect(difference(tiled, whole)).toBe(0);
  });

  it.each([1, 3, 4] as const)("of %d channels by networks that look at single pixels", async (channels) => {
    const image = picture(89, 83, channels);
    for (const [planes, network] of [
      [3, nearest],
      [1, (x: Value) => pixelShuffle(convolved(x, 4, 1), 2)],
    ] as const) {
      const file = onnx(network, { channels: planes });
      const { whole, tiled, tiles } = await inBothWays({ file, image, memory: 2 ** 16, loading: { range: 255 } });
      expect(tiles).toBeGreaterThan(1);
      expect(difference(tiled, whole)).toBe(0);
    }
  });

  it("by a network that takes multiples of eight", async () => {
    const file = onnx((x) => pixelShuffle(convolved(relu(convolved(folded(x), 16)), 3 * 16 ** 2), 16));
    const loading = { range: 255 } as const;
    const fitting = await inBothWays({ file, image: picture(208, 160), loading, memory: 2 ** 20 });
    expect(fitting.tiles).toBeGreaterThan(1);
    expect(difference(fitting.tiled, fitting.whole)).toBe(0);
    const notes: string[] = [];
    await enlarged(await load({ engine: await loadEngine(), ...loading }, { file }), picture(13, 9), {
      onNote: (note) => notes.push(note),
    });
    expect(notes).toEqual([expect.stringContaining("borders were repeated")]);
  });
});

describe("a network of one size", () => {
  const loading = { range: 255 } as const;

  it.each([
    [40, 40],
    [24, 40],
  ])("of %d×%d makes of any image what it would without that", async (height, width) => {
    for (const selfEnsemble of [false, true]) {
      const image = picture(101, 103);
      const notes: string[] = [];
      const [open, fixed] = [onnx(twoLayers), onnx(twoLayers, { fixed: [height, width] })];
      const expected = await enlarged(await load({ engine: await loadEngine(), ...loading }, { file: open }), image, {
        selfEnsemble,
      });
      const options = { selfEnsemble, onNote: (note: string) => notes.push(note) };
      const found = await enlarged(
        await load({ engine: await loadEngine(), ...loading }, { file: fixed }),
        image,
        options,
      );
      if (notes.length === 0) expect(difference(found, expected)).toBe(0);
      expect(notes.length).toBe(selfEnsemble && height !== width ? 1 : 0);
    }
  });

  it("says so where an image is smaller", async () => {
    const notes: string[] = [];
    const upscaler = await load(
      { engine: await loadEngine(), ...loading },
      { file: onnx(twoLayers, { fixed: [24, 40] }) },
    );
    const { width, height } = await enlarged(upscaler, picture(7, 11), { onNote: (note) => notes.push(note) });
    expect([width, height]).toEqual([14, 22]);
    expect(notes).toEqual([expect.stringContaining("borders were repeated")]);
  });
});
