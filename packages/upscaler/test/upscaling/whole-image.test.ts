import { describe, expect, it } from "vitest";
import { imageModel } from "../../../../test/support/image-models.js";
import { rcan } from "../../../../test/support/networks.js";
import { DeviceError } from "../../../core/src/errors.js";
import type { Value } from "../../../core/src/graph/index.js";
import { IMDN_DEFAULTS } from "../../../core/src/networks/imdn/options.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { single } from "../../../core/src/operators/apply.js";
import {
  GlobalMaxPool,
  matMul,
  mul,
  pixelShuffle,
  reduceMean,
  relu,
  reshape,
  sigmoid,
} from "../../../core/src/operators/index.js";
import type { Pixels } from "../../src/images/pixels.js";
import { readNetworkFile } from "../../src/loading/network-file.js";
import { bytesPerPixel } from "../../src/tiling/plan.js";
import { convolved, difference, enlarged, inBothWays, load, networkFile, picture, sessionsThat } from "./support.js";

/** One of 255, in samples of 16 bits. */
const LEVEL = 257;
const PASSES = expect.stringContaining("in several passes");
const imdn = { ...IMDN_DEFAULTS, architecture: "imdn", scale: 2, features: 8, blocks: 2, range: 255 } as NetworkOptions;

/** An image whose parts have other means than all of it. */
function uneven(width: number, height: number, channels: Pixels["channels"] = 3): Pixels {
  const image = picture(width, height, channels, 16);
  for (let i = 0; i < image.data.length; i++) {
    const isAlpha = channels % 2 === 0 && i % channels === channels - 1;
    const x = Math.floor(i / channels) % width;
    if (!isAlpha) image.data[i] = (image.data[i] as number) * (0.1 + (0.9 * x) / width);
  }
  return image;
}

const onnx = (build: (x: Value) => Value) => readNetworkFile(imageModel(build), "model.onnx", { range: 255 });

const sizes = (x: Value) => x.shape as [number, number, number, number];

/** A squeeze-and-excitation block as exporters write it: a mean without its axes, linear layers, a gate. */
function excited(x: Value): Value {
  const [, channels] = sizes(x);
  const weights = x.graph.constant(
    Float32Array.from({ length: channels ** 2 }, (_, i) => Math.sin(i) / 200),
    [channels, channels],
  );
  const squeezed = matMul(reduceMean(x, { axes: [2, 3] }), weights);
  return mul(x, reshape(sigmoid(squeezed), [1, channels, 1, 1]));
}

const excitedTwice = (x: Value): Value =>
  pixelShuffle(convolved(excited(relu(convolved(excited(relu(convolved(x, 8))), 8))), 4 * 3), 2);

/** Of features at twice the image's size. */
const excitedLarge = (x: Value): Value => convolved(excited(pixelShuffle(relu(convolved(x, 16)), 2)), 3);

/** What is largest in the image, and not a mean. */
const ofTheLargest = (x: Value): Value =>
  pixelShuffle(
    convolved(mul(relu(convolved(x, 8)), sigmoid(mul(single(GlobalMaxPool, [convolved(x, 8)]), 1e-3))), 12),
    2,
  );

/** The processor, whose times depend on nothing but the image's size. */
const millisecondForEachPixel = sessionsThat(async (session, pixels, ...call) => ({
  ...(await session.run(...call)),
  milliseconds: pixels,
}));

describe("a network that pools the whole image, in tiles", () => {
  it.each([
    ["RCAN", networkFile(rcan(2), [1]), 2 ** 20],
    ["IMDN, which pools squares of differences from means", networkFile(imdn, [1]), 2 ** 20],
    ["squeeze-and-excitation blocks of others", onnx(excitedTwice), 2 ** 18],
    ["one of features larger than the image", onnx(excitedLarge), 2 ** 18],
  ])("makes what it makes of the image in one piece, and says what it takes: %s", async (_, file, memory) => {
    const image = uneven(111, 67);
    const { whole, tiled, tiles, notes } = await inBothWays({ file, image, memory });
    expect(tiles).toBeGreaterThan(3);
    expect(difference(tiled, whole)).toBeLessThanOrEqual(LEVEL / 10);
    expect(notes).toEqual([PASSES]);
    const apart = await inBothWays({ file: withoutParts(file), image, memory });
    expect(difference(apart.tiled, whole)).toBeGreaterThan(LEVEL / 4);
  });

  it.each([
    [4, false],
    [2, true],
  ] as const)("of %d channels, alpha among them, self-ensemble %s", async (channels, selfEnsemble) => {
    const image = uneven(47, 43, channels);
    const file = networkFile(rcan(2, { features: 8 }), [1]);
    const { whole, tiled, notes } = await inBothWays({ file, image, options: { selfEnsemble }, memory: 2 ** 18 });
    expect(difference(tiled, whole)).toBeLessThanOrEqual(LEVEL);
    expect(notes).toEqual([PASSES]);
  });

  it("does so where memory turns out to be short within a tile, and for the whole image", async () => {
    const limited = (most: number) =>
      sessionsThat((session, pixels, ...call) => {
        if (pixels > most) throw new DeviceError("Failed to allocate memory for requested buffer");
        return session.run(...call);
      });
    const file = networkFile(rcan(2), [1]);
    const image = uneven(91, 87);
    const whole = await enlarged(await load({}, { file }), image);
    for (const memory of [2 ** 29, 2 ** 22]) {
      const upscaler = await load({ memory }, { file, create: limited(3000) });
      expect(difference(await enlarged(upscaler, image), whole)).toBeLessThanOrEqual(LEVEL / 10);
    }
  });

  it("is measured with the passes that it takes, where the quality is to be found", async () => {
    const file = networkFile(rcan(2, { features: 8 }), [1, 0.5]);
    // There is memory for the part that is measured; for the image there isn't.
    const memory = 6000 * bytesPerPixel(file.deployment(1));
    const common = { at: { width: 1600, height: 16 }, memory };
    const { tiles, pooling } = (await (await load(common, { file })).networkOf()).plan(common.at);
    const once = tiles.reduce((sum, { input }) => sum + input.width * input.height, 0);
    expect(pooling?.depth).toBe(2);
    const choose = async (maxMs: number) =>
      (await load({ ...common, quality: "auto", maxMs }, { file, create: millisecondForEachPixel })).quality;
    expect(await choose(1.9 * once)).toBe(0.5);
    expect(await choose(3.1 * once)).toBe(1);
  });

  it("says where it takes something else than means, and its tiles differ", async () => {
    const file = onnx(ofTheLargest);
    const { tiles, notes } = await inBothWays({ file, image: picture(101, 103) });
    expect(tiles).toBeGreaterThan(1);
    expect(notes).toEqual([expect.stringContaining("each is computed by itself")]);
  });

  it("says nothing where there is memory for the image", async () => {
    const notes: string[] = [];
    const upscaler = await load({}, { file: networkFile(rcan(2), [1]) });
    await enlarged(upscaler, picture(60, 50), { onNote: (note) => notes.push(note) });
    expect(notes).toEqual([]);
  });
});

/** The same network, whose tiles are computed by themselves. */
const withoutParts = (file: ReturnType<typeof networkFile>): ReturnType<typeof networkFile> => ({
  ...file,
  deployment: (quality) => {
    const { partwise, ...network } = file.deployment(quality);
    return network;
  },
});
