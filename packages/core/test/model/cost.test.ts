import { describe, expect, it } from "vitest";
import { NetworkError } from "../../src/errors.js";
import { elements } from "../../src/graph/index.js";
import type { Size } from "../../src/images/geometry.js";
import { modelCost } from "../../src/model/cost.js";
import { networkModel } from "../../src/model/model.js";
import { narrowed } from "../../src/model/split.js";
import type { CarnOptions } from "../../src/networks/carn/options.js";
import type { EdsrOptions } from "../../src/networks/edsr/options.js";
import { type NetworkOptions, parameterShapes } from "../../src/networks/index.js";
import { DIV2K_MEAN, type Scale } from "../../src/networks/options.js";
import type { RcanOptions } from "../../src/networks/rcan/options.js";

const common = { mean: DIV2K_MEAN, range: 255 } as const;
const baseline = (scale: Scale): EdsrOptions => ({
  architecture: "edsr",
  scale,
  features: 64,
  blocks: 16,
  resScale: 1,
  ...common,
});
const edsr = (scale: Scale): EdsrOptions => ({
  architecture: "edsr",
  scale,
  features: 256,
  blocks: 32,
  resScale: 0.1,
  ...common,
});
const rcan = (scale: Scale): RcanOptions => ({
  architecture: "rcan",
  scale,
  features: 64,
  groups: 10,
  blocks: 20,
  reduction: 16,
  ...common,
});
const carn = (scale: Scale): CarnOptions => ({
  architecture: "carn",
  scale,
  features: 64,
  variant: "original",
  ...common,
});

/** A network whose weights are zeros: they have no part in its cost, and random ones by the ten million take seconds. */
const blank = (network: NetworkOptions) =>
  networkModel(
    network,
    new Map(
      [...parameterShapes(network)].map(([name, shape]) => [name, { shape, data: new Float32Array(elements(shape)) }]),
    ),
  );

const networkCost = (network: NetworkOptions, output?: Size) => modelCost(blank(network), output);

const costAtWidth = (network: NetworkOptions, width: number) => modelCost(narrowed(blank(network), width));

describe("cost", () => {
  // Millions of parameters and giga multiply-accumulates as the field cites them, CARN's from Ahn et al. 2018
  it.each<[string, EdsrOptions | RcanOptions | CarnOptions, { parameters?: number; macs?: number }]>([
    ["CARN ×2", carn(2), { macs: 222.8 }],
    ["CARN ×3", carn(3), { macs: 118.8 }],
    ["CARN ×4", carn(4), { macs: 90.9 }],
    ["EDSR baseline ×2", baseline(2), { parameters: 1.37 }],
    ["EDSR baseline ×4", baseline(4), { parameters: 1.52, macs: 114.2 }],
    ["EDSR ×2", edsr(2), { parameters: 40.73 }],
    ["EDSR ×4", edsr(4), { parameters: 43.09 }],
    ["RCAN ×2", rcan(2), { parameters: 15.44 }],
    ["RCAN ×4", rcan(4), { parameters: 15.59 }],
  ])("of %s is the literature's", (_, network, { parameters, macs }) => {
    const cost = networkCost(network);
    if (parameters !== undefined) expect(cost.parameters / 1e6).toBeCloseTo(parameters, 2);
    if (macs !== undefined) expect(cost.macs / 1e9).toBeCloseTo(macs, 1);
  });

  it("of CARN with three upsamplers is the paper's 1,592 thousand parameters", () => {
    const upsampler = (scale: Scale): number =>
      networkCost(carn(scale))
        .layers.filter(({ name }) => name.startsWith("upsampler"))
        .reduce((sum, layer) => sum + layer.parameters, 0);
    const total = networkCost(carn(2)).parameters + upsampler(3) + upsampler(4);
    expect(Math.round(total / 1e3)).toBe(1592);
  });

  it("counts each layer where it stands", () => {
    const layers = networkCost({ ...baseline(4), features: 8, blocks: 1 }, { width: 64, height: 32 }).layers;
    expect(layers).toEqual([
      { name: "head", shape: [8, 3, 3, 3], parameters: 224, macs: 216 * 128 },
      { name: "body.0.conv1", shape: [8, 8, 3, 3], parameters: 584, macs: 576 * 128 },
      { name: "body.0.conv2", shape: [8, 8, 3, 3], parameters: 584, macs: 576 * 128 },
      { name: "body_conv", shape: [8, 8, 3, 3], parameters: 584, macs: 576 * 128 },
      { name: "upsampler.blocks.0", shape: [32, 8, 3, 3], parameters: 2336, macs: 2304 * 128 },
      { name: "upsampler.blocks.1", shape: [32, 8, 3, 3], parameters: 2336, macs: 2304 * 512 },
      { name: "tail", shape: [3, 8, 3, 3], parameters: 219, macs: 216 * 2048 },
    ]);
  });

  it("counts attention once an image", () => {
    const layer = networkCost(rcan(2)).layers.find(({ name }) => name === "body.0.body.0.down");
    expect(layer).toMatchObject({ shape: [4, 64, 1, 1], parameters: 260, macs: 256 });
  });

  it("of a student is that of the first channels", () => {
    expect(costAtWidth(edsr(4), 0.25)).toEqual(networkCost({ ...edsr(4), features: 64 }));
    expect(costAtWidth(rcan(2), 0.5)).toEqual(networkCost({ ...rcan(2), features: 32 }));
    expect(() => costAtWidth(rcan(2), 0.1)).toThrow(NetworkError);
  });
});
