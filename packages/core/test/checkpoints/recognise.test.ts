import { describe, expect, it } from "vitest";
import { randomParameters } from "../../../../test/support/networks.js";
import { encodePytorch, readState } from "../../src/checkpoints/checkpoint.js";
import type { Overrides } from "../../src/checkpoints/overrides.js";
import { stripPrefixes } from "../../src/checkpoints/prefixes.js";
import { type Recognised, recognise } from "../../src/checkpoints/recognise.js";
import { type StateDict, stateOf } from "../../src/checkpoints/state.js";
import { CheckpointError, UsageError } from "../../src/errors.js";
import { ARCHITECTURES, DIV2K_MEAN } from "../../src/networks/index.js";
import { fixture, stateTensor } from "./support.js";

function state(name: string): StateDict {
  return new Map(readState(fixture(name), name).state);
}

function recognised(name: string, overrides: Overrides = {}): Recognised {
  return recognise(state(name), overrides, name);
}

/** Which published parameter each canonical one is, by identity of the data. */
function origins(published: StateDict, { parameters }: Recognised): Record<string, string | undefined> {
  const names = new Map([...published].map(([name, { data }]) => [data, name]));
  return Object.fromEntries([...parameters].map(([name, { data }]) => [name, names.get(data)]));
}

function without(published: StateDict, pattern: RegExp): StateDict {
  return new Map([...published].filter(([name]) => !pattern.test(name)));
}

const mean = DIV2K_MEAN.map((value) => expect.closeTo(value, 3));

describe("published checkpoints", () => {
  it.each([
    [
      "edsr.pt",
      "edsr-pytorch",
      { architecture: "edsr", scale: 2, features: 4, blocks: 2, resScale: 1, range: 255, mean },
    ],
    [
      "nested.pt",
      "edsr-pytorch",
      { architecture: "edsr", scale: 3, features: 4, blocks: 2, resScale: 1, range: 255, mean },
    ],
    [
      "edsr_x4.pt",
      "edsr-pytorch",
      { architecture: "edsr", scale: 4, features: 4, blocks: 2, resScale: 1, range: 255, mean },
    ],
    [
      "rcan_x3.pt",
      "rcan",
      { architecture: "rcan", scale: 3, features: 4, groups: 2, blocks: 2, reduction: 2, range: 255, mean },
    ],
    [
      "carn_x4.pt",
      "carn-pytorch",
      { architecture: "carn", scale: 4, features: 4, variant: "original", range: 1, mean },
    ],
    [
      "csd_edsr_x4.pt",
      "csd",
      { architecture: "edsr", scale: 4, features: 4, blocks: 2, resScale: 0.1, range: 255, mean },
    ],
    [
      "csd_rcan_x2.pt",
      "csd",
      { architecture: "rcan", scale: 2, features: 4, groups: 2, blocks: 2, reduction: 2, range: 255, mean },
    ],
    ["csd_carn_x3.pt", "csd", { architecture: "carn", scale: 3, features: 4, variant: "csd", range: 255, mean }],
  ])("%s is recognised", (name, source, network) => {
    const result = recognised(name);
    expect(result.source).toBe(source);
    expect(result.network).toEqual(network);
  });

  it.each([
    [
      "edsr_x4.pt",
      {
        "head.weight": "head.0.weight",
        "body.1.conv1.bias": "body.1.body.0.bias",
        "body.1.conv2.weight": "body.1.body.2.weight",
        "body_conv.weight": "body.2.weight",
        "upsampler.blocks.0.weight": "tail.0.0.weight",
        "upsampler.blocks.1.weight": "tail.0.2.weight",
        "tail.bias": "tail.1.bias",
      },
    ],
    [
      "rcan_x3.pt",
      {
        "body.0.body.1.conv1.weight": "body.0.body.1.body.0.weight",
        "body.1.body.0.conv2.weight": "body.1.body.0.body.2.weight",
        "body.0.body.1.down.weight": "body.0.body.1.body.3.conv_du.0.weight",
        "body.0.body.1.up.bias": "body.0.body.1.body.3.conv_du.2.bias",
        "body.1.conv.weight": "body.1.body.2.weight",
        "body_conv.weight": "body.2.weight",
        "upsampler.blocks.0.weight": "tail.0.0.weight",
        "tail.weight": "tail.1.weight",
      },
    ],
    [
      "carn_x4.pt",
      {
        "head.weight": "entry.weight",
        "body.units.0.units.2.conv1.weight": "b1.b3.body.0.weight",
        "body.units.2.units.1.conv2.weight": "b3.b2.body.2.weight",
        "body.units.1.fuse.0.weight": "b2.c1.body.0.weight",
        "body.fuse.2.bias": "c3.body.0.bias",
        "tail.weight": "exit.weight",
      },
    ],
    [
      "csd_rcan_x2.pt",
      {
        "head.weight": "head_conv.weight",
        "body.1.body.0.conv2.weight": "body.1.body.0.body.1.weight",
        "body.1.body.0.up.weight": "body.1.body.0.caLayer.conv_du.1.weight",
        "body.0.conv.bias": "body.0.conv.bias",
        "tail.weight": "tail_conv.weight",
      },
    ],
    ["csd_edsr_x4.pt", { "body.1.conv2.weight": "body.1.conv2.weight", "tail.weight": "tail_conv.weight" }],
    [
      "csd_carn_x3.pt",
      {
        "body.units.2.units.1.conv2.weight": "b3.b2.conv2.weight",
        "body.units.0.fuse.1.bias": "b1.c2.conv.bias",
        "body.fuse.0.weight": "c1.conv.weight",
        "upsampler.blocks.0.weight": "upsample.blocks.0.weight",
      },
    ],
  ])("%s gets canonical names", (name, expected) => {
    const published = state(name);
    const result = recognise(published, {}, name);
    const found = origins(published, result);
    expect(found).toMatchObject(expected);
    expect(Object.values(found).every((origin) => origin !== undefined)).toBe(true);
    const meanLayers = [...published.keys()].filter((parameter) => parameter.includes("_mean"));
    expect(result.parameters.size).toBe(published.size - meanLayers.length);
  });

  it("of several scales need one to be chosen", () => {
    expect(() => recognised("carn_multi.pt")).toThrow("holds CARN for ×2, ×3, ×4; say which with --scale");
    for (const scale of [2, 3, 4] as const) {
      const published = state("carn_multi.pt");
      const result = recognise(published, { scale }, "carn_multi.pt");
      expect(result.network.scale).toBe(scale);
      expect(origins(published, result)["upsampler.blocks.0.weight"]).toBe(`upsample.up${scale}.body.0.weight`);
    }
    const two = without(state("carn_multi.pt"), /up4/);
    expect(() => recognise(two, { scale: 4 }, "two.pt")).toThrow("two.pt holds CARN for ×2, ×3, not for ×4");
    expect(recognise(without(two, /up3/), {}, "one.pt").network.scale).toBe(2);
  });

  it("of several scales in an order of their own need one to be chosen", () => {
    const shared = { architecture: "mdsr", features: 4, blocks: 1, mean: DIV2K_MEAN, range: 255 } as const;
    const several: StateDict = new Map();
    // As MDSR's code numbers them when it is given ×4 and ×2.
    for (const [number, scale] of [4, 2].entries()) {
      const network = { ...shared, scale: scale as 2 | 4 };
      const file = encodePytorch({ network, parameters: stateOf(randomParameters(network, scale)) }, "edsr-pytorch");
      for (const [name, tensor] of readState(file, "x").state) {
        several.set(name.replace(/^(pre_process|upsample)\.0\./, `$1.${number}.`), tensor);
      }
    }
    expect(() => recognise(several, {}, "mdsr.pt")).toThrow("mdsr.pt holds MDSR for ×2, ×4; say which with --scale");
    expect(() => recognise(several, { scale: 3 }, "mdsr.pt")).toThrow("mdsr.pt holds MDSR for ×2, ×4, not for ×3");
    for (const [number, scale] of [4, 2].entries()) {
      const found = recognise(several, { scale: scale as 2 | 4 }, "mdsr.pt");
      expect(found.network).toMatchObject({ architecture: "mdsr", scale });
      expect(origins(several, found)["upsampler.blocks.0.weight"]).toBe(`upsample.${number}.0.weight`);
      expect(origins(several, found)["pre_process.1.conv2.bias"]).toBe(`pre_process.${number}.1.body.2.bias`);
    }
  });

  it("without mean layers have DIV2K's mean", () => {
    const network = recognise(without(state("edsr.pt"), /_mean/), {}, "edsr.pt").network;
    expect(network).toMatchObject({ mean: DIV2K_MEAN, range: 255 });
    const carn = recognise(without(state("carn_x4.pt"), /_mean/), {}, "carn.pt").network;
    expect(carn).toMatchObject({ mean: DIV2K_MEAN, range: 1 });
  });

  it("of 256 features have the paper's residual scale", () => {
    const large: StateDict = new Map();
    for (const [name, { shape }] of without(state("edsr.pt"), /_mean/)) {
      large.set(name, stateTensor(shape.map((size) => (size % 4 === 0 ? size * 64 : size))));
    }
    expect(recognise(large, {}, "large.pt").network).toMatchObject({ features: 256, resScale: 0.1 });
  });

  it("obey overrides that apply", () => {
    expect(recognised("edsr.pt", { resScale: 0.25, scale: 2 }).network).toMatchObject({ resScale: 0.25 });
    expect(recognised("carn_x4.pt", { variant: "csd" }).network).toMatchObject({ variant: "csd" });
    const plain = without(state("edsr.pt"), /_mean/);
    expect(recognise(plain, { range: 1 }, "edsr.pt").network).toMatchObject({ range: 1, mean: DIV2K_MEAN });
    expect(() => recognised("edsr.pt", { scale: 4 })).toThrow("magnifies ×2, not ×4");
    expect(() => recognised("rcan_x3.pt", { resScale: 1 })).toThrow(UsageError);
    expect(() => recognised("edsr.pt", { variant: "csd" })).toThrow(UsageError);
  });
});

describe("mean layers", () => {
  it("of another deviation or of two colours are refused", () => {
    const scaled = state("edsr.pt").set(
      "sub_mean.weight",
      stateTensor([3, 3, 1, 1], (i) => (i % 4 === 0 ? 2 : 0)),
    );
    expect(() => recognise(scaled, {}, "edsr.pt")).toThrow("standard deviation");
    const uneven = state("edsr.pt").set(
      "add_mean.bias",
      stateTensor([3], () => 9),
    );
    expect(() => recognise(uneven, {}, "edsr.pt")).toThrow("add_mean adds 9, 9, 9");
    const nothing = state("edsr.pt").set(
      "add_mean.bias",
      stateTensor([3], () => Number.NaN),
    );
    expect(() => recognise(nothing, {}, "edsr.pt")).toThrow("add_mean.bias is not a colour");
  });

  it("tell the range by their size", () => {
    const unit = state("edsr.pt");
    for (const [name, sign] of [
      ["sub_mean.bias", -1],
      ["add_mean.bias", 1],
    ] as const) {
      unit.set(
        name,
        stateTensor([3], () => sign * 0.5),
      );
    }
    expect(recognise(unit, {}, "edsr.pt").network).toMatchObject({ range: 1, mean: [127.5, 127.5, 127.5] });
  });
});

describe("what is not recognised", () => {
  it("is said with what was seen and what is nearest", () => {
    const lacking = without(state("edsr.pt"), /body\.1\.body\.2\.bias/).set("extra.weight", stateTensor([1]));
    expect(() => recognise(lacking, {}, "odd.pt")).toThrow(
      /odd\.pt holds no network that is recognised\. It has 20 tensors \(sub_mean\.weight 3×3×1×1, .*, …\)\. Nearest is EDSR with edsr-pytorch names: missing body\.1\.body\.2\.bias; unexpected extra\.weight; 15 names in common/,
    );
    const every = new Intl.ListFormat("en-GB").format(ARCHITECTURES.map(({ title }) => title));
    const foreign = new Map([["features.stem.weight", stateTensor([4, 3, 3, 3])]]);
    expect(() => recognise(foreign, {}, "vgg.pt")).toThrow(`${every} are recognised`);
    expect(() => recognise(foreign, {}, "vgg.pt")).toThrow("export it with torch.onnx.export(");
    expect(() => recognise(new Map(), {}, "empty.pt")).toThrow(CheckpointError);
  });

  it.each([
    ["Nearest is IMDN with imdn names", ["fea_conv.weight", "IMDB1.c1.weight", "IMDB2.c1.weight"]],
    ["Nearest is RFDN with rfdn names", ["fea_conv.weight", "B1.c1_d.weight", "B1.c1_r.weight"]],
    ["Nearest is RRDBNet with basicsr names", ["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_hr.weight"]],
    ["Its names are SwinIR's. ", ["layers.0.residual_group.blocks.0.attn.qkv.weight", "conv_first.weight"]],
    ["Its names are NAFNet's. ", ["intro.weight", "middle_blks.0.conv1.weight"]],
    ["Its names are Restormer's. ", ["encoder_level1.0.attn.qkv.weight", "output.weight"]],
  ])("says %s and the way that it can be read", (said, names) => {
    const state = new Map(names.map((name) => [`module.${name}`, stateTensor([4])]));
    expect(() => recognise(new Map(stripPrefixes(state)), {}, "x.pth")).toThrow(said);
    expect(() => recognise(new Map(state), {}, "x.pth")).toThrow(
      "read from ONNX: export it with torch.onnx.export(model.eval(), ",
    );
  });

  it("includes other layers and other layers' shapes", () => {
    const more = state("carn_x4.pt");
    more.set("b1.b1.body.4.weight", stateTensor([4, 4, 1, 1]));
    expect(() => recognise(more, {}, "carn.pth")).toThrow("unexpected b1.b1.body.4.weight");
    const thin = state("edsr.pt").set("body.0.body.2.weight", stateTensor([4, 2, 3, 3]));
    expect(() => recognise(thin, {}, "thin.pt")).toThrow("thin.pt: body.0.body.2.weight is 4×2×3×3, expected 4×4×3×3");
    const flat = state("edsr.pt").set("head.0.bias", stateTensor([3]));
    expect(() => recognise(flat, {}, "flat.pt")).toThrow("flat.pt: head.0.bias is 3, expected 4");
  });

  it("costs little, however many tensors it has", () => {
    const many: StateDict = new Map();
    const one = stateTensor([1]);
    for (let i = 0; i < 10_000; i++) many.set(`body.${i}.conv1.weight`, one).set(`body.0.body.${i}.conv1.weight`, one);
    const blocks: StateDict = new Map();
    for (let i = 0; i < 10_000; i++) blocks.set(`blocks.${i}.conv0.weight`, one).set(`blocks.${i}.conv1.weight`, one);
    const start = process.cpuUsage();
    expect(() => recognise(many, {}, "many.pt")).toThrow("It has 20000 tensors");
    expect(() => recognise(blocks, {}, "blocks.pt")).toThrow("It has 20000 tensors");
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(20);
  }, 60_000);
});
