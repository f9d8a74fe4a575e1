import { describe, expect, it } from "vitest";
import { modelOf } from "../../../../test/support/networks.js";
import {
  type Checkpoint,
  encodeCheckpoint,
  encodePytorch,
  publishedSource,
  readCheckpoint,
} from "../../src/checkpoints/checkpoint.js";
import type { Source } from "../../src/checkpoints/conventions.js";
import { readSafetensors, writeSafetensors } from "../../src/checkpoints/safetensors.js";
import type { StateDict } from "../../src/checkpoints/state.js";
import { CheckpointError, UsageError } from "../../src/errors.js";
import { keptShape, splitChannels } from "../../src/model/split.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes } from "../../src/networks/index.js";
import { bytes, fixture, plain, stateTensor } from "./support.js";

const common = { features: 16, mean: DIV2K_MEAN, range: 255 } as const;
const networks: NetworkOptions[] = [
  { architecture: "edsr", scale: 2, ...common, blocks: 3, resScale: 0.5 },
  { architecture: "rcan", scale: 3, ...common, groups: 2, blocks: 1, reduction: 4 },
  { architecture: "carn", scale: 4, ...common, variant: "csd" },
  { architecture: "carn", scale: 4, ...common, range: 1, variant: "original" },
];

/** A student's weights: smaller than the options say. */
function weights(network: NetworkOptions, width: number): StateDict {
  const split = splitChannels(modelOf(network), width);
  const state: StateDict = new Map();
  for (const [name, shape] of parameterShapes(network)) {
    const fill = name.endsWith(".weight") ? Math.sin : (i: number) => i / 8;
    state.set(name, stateTensor([...keptShape(split, name, shape)], fill));
  }
  return state;
}

describe("a safetensors file of another's names", () => {
  it("may have what wrapping a model adds before each", () => {
    const plainNames = readSafetensors(fixture("edsr.safetensors"), "x").tensors;
    const wrapped = new Map([...plainNames].map(([name, tensor]) => [`module.${name}`, tensor]));
    expect(readCheckpoint(writeSafetensors(wrapped, {}), "x")).toEqual(
      readCheckpoint(writeSafetensors(plainNames, {}), "x"),
    );
  });
});

describe("this project's format", () => {
  it.each(networks)("keeps $architecture ×$scale, full, slim and shared", (network) => {
    for (const width of [1, 0.5, 0.25]) {
      const checkpoint: Checkpoint = { network, parameters: weights(network, width) };
      const read = readCheckpoint(encodeCheckpoint(checkpoint), "x");
      expect(read.network).toEqual(network);
      expect(plain(read.parameters)).toEqual(plain(checkpoint.parameters));
      expect(read.source).toBe("canonical");
      expect("widths" in read).toBe(false);
    }
    const shared = { network, parameters: weights(network, 1), widths: [1, 0.5, 0.25] };
    expect(readCheckpoint(encodeCheckpoint(shared), "x").widths).toEqual([1, 0.5, 0.25]);
  });

  it("keeps groups of different widths", () => {
    const [edsr, , carn] = networks as [NetworkOptions, NetworkOptions, NetworkOptions];
    const thin = weights(edsr, 1);
    thin.set("body.1.conv1.weight", stateTensor([5, 16, 3, 3])).set("body.1.conv1.bias", stateTensor([5]));
    thin.set("body.1.conv2.weight", stateTensor([16, 5, 3, 3]));
    expect(readCheckpoint(encodeCheckpoint({ network: edsr, parameters: thin }), "x").parameters.size).toBe(thin.size);
    // The second fusion of the first cascade writes 7 channels, which its third unit and the third fusion read
    const cascade = weights(carn, 1);
    const name = "body.units.0";
    cascade.set(`${name}.fuse.1.weight`, stateTensor([7, 48, 1, 1])).set(`${name}.fuse.1.bias`, stateTensor([7]));
    cascade.set(`${name}.units.2.conv1.weight`, stateTensor([16, 7, 3, 3]));
    cascade.set(`${name}.units.2.conv2.weight`, stateTensor([7, 16, 3, 3]));
    cascade.set(`${name}.units.2.conv2.bias`, stateTensor([7]));
    cascade.set(`${name}.fuse.2.weight`, stateTensor([16, 55, 1, 1]));
    const read = readCheckpoint(encodeCheckpoint({ network: carn, parameters: cascade }), "x");
    expect(plain(read.parameters)).toEqual(plain(cascade));
  });

  it("obeys overrides", () => {
    const [network] = networks as [NetworkOptions];
    const file = encodeCheckpoint({ network, parameters: weights(network, 1) });
    expect(readCheckpoint(file, "x", { resScale: 2 }).network).toEqual({ ...network, resScale: 2 });
    expect(() => readCheckpoint(file, "x", { scale: 3 })).toThrow("magnifies ×2, not ×3");
  });

  it("refuses to save parameters that are not the network's", () => {
    const [network] = networks as [NetworkOptions];
    const lacking = weights(network, 1);
    lacking.delete("head.bias");
    expect(() => encodeCheckpoint({ network, parameters: lacking })).toThrow("missing head.bias");
  });

  it("without its description is recognised by its names", () => {
    for (const network of networks) {
      const read = readCheckpoint(writeSafetensors(weights(network, 1)), "x");
      expect(read).toMatchObject({
        source: "canonical",
        network: { architecture: network.architecture, scale: network.scale, features: 16 },
      });
    }
  });

  const [edsr] = networks as [NetworkOptions];
  it.each<[string, unknown, string]>([
    ["that is not JSON", "{", "slimsr: "],
    ["of another version", JSON.stringify({ network: edsr, color: 1 }), "color"],
    [
      "of an unknown architecture",
      JSON.stringify({ network: { ...edsr, architecture: "swinir" } }),
      "network.architecture",
    ],
    ["of a scale that isn't supported", JSON.stringify({ network: { ...edsr, scale: 8 } }), "network.scale"],
    ["of a billion blocks", JSON.stringify({ network: { ...edsr, blocks: 1e9 } }), "network.blocks"],
    [
      "of attention without channels",
      JSON.stringify({ network: { ...networks[1], reduction: 17 } }),
      "network.reduction: larger than features",
    ],
    ["of widths beyond 1", JSON.stringify({ network: edsr, widths: [2] }), "widths.0"],
    ["of other layers", JSON.stringify({ network: { ...edsr, blocks: 4 } }), "missing body.3.conv1.weight"],
  ])("refuses a description %s", (_, description, message) => {
    const file = writeSafetensors(weights(edsr, 1), { slimsr: String(description) });
    expect(() => readCheckpoint(file, "bad.safetensors")).toThrow(CheckpointError);
    expect(() => readCheckpoint(file, "bad.safetensors")).toThrow(message);
  });

  it.each([
    ["larger than described", "body.0.conv1", [17, 16, 3, 3], "expected 16×16×3×3"],
    ["of another kernel", "body.0.conv1", [16, 16, 5, 5], "expected 16×16×3×3"],
    ["without channels", "body.0.conv1", [0, 16, 3, 3], "expected 16×16×3×3"],
    ["at odds with the stream", "body.0.conv2", [8, 16, 3, 3], "expected 16×16×3×3"],
    ["that no shuffle can divide", "upsampler.blocks.0", [63, 16, 3, 3], "expected 64×16×3×3"],
    ["of two colours", "tail", [2, 16, 3, 3], "expected 3×16×3×3"],
  ])("refuses a layer %s", (_, layer, shape, message) => {
    const parameters = weights(edsr, 1).set(`${layer}.weight`, stateTensor(shape));
    parameters.set(`${layer}.bias`, stateTensor(shape.slice(0, 1)));
    const description = JSON.stringify({ network: edsr });
    const file = writeSafetensors(parameters, { slimsr: description });
    expect(() => readCheckpoint(file, "bad")).toThrow(`bad: ${layer}.weight is ${shape.join("×")}, ${message}`);
  });
});

describe("PyTorch's format", () => {
  it.each<[string, Source]>([
    ["edsr.pt", "edsr-pytorch"],
    ["rcan_x3.pt", "rcan"],
    ["carn_x4.pt", "carn-pytorch"],
    ["csd_edsr_x4.pt", "csd"],
    ["csd_rcan_x2.pt", "csd"],
    ["csd_carn_x3.pt", "csd"],
  ])("gives %s back with its own names and values", (name, source) => {
    const original = readCheckpoint(fixture(name), name);
    const written = encodePytorch(original, source);
    const again = readCheckpoint(written, "again.pt");
    expect(again.source).toBe(source);
    expect(again.network).toEqual(original.network);
    expect(plain(again.parameters)).toEqual(plain(original.parameters));
  });

  it("takes the names of the code that runs the network", () => {
    expect(networks.map(publishedSource)).toEqual(["edsr-pytorch", "rcan", "csd", "carn-pytorch"]);
  });

  it("refuses names whose code would compute something else", () => {
    const [edsr, , csd, original] = networks.map((network) => ({ network, parameters: weights(network, 1) }));
    if (!edsr || !csd || !original) throw new Error("networks are missing");
    expect(() => encodePytorch(edsr, "rcan")).toThrow("rcan has no EDSR");
    expect(() => encodePytorch(csd, "carn-pytorch")).toThrow(UsageError);
    expect(() => encodePytorch(original, "csd")).toThrow("the csd variant, this is the original");
    const bright = { ...original, network: { ...original.network, range: 255 as const } };
    expect(() => encodePytorch(bright, "carn-pytorch")).toThrow("0..1");
    expect(readCheckpoint(encodePytorch(original, "canonical"), "x").source).toBe("canonical");
  });

  it("is the same file for the same weights", () => {
    const checkpoint = readCheckpoint(fixture("edsr.pt"), "edsr.pt");
    expect(encodePytorch(checkpoint, "edsr-pytorch")).toEqual(encodePytorch(checkpoint, "edsr-pytorch"));
  });
});

describe("other files", () => {
  it.each([
    ["an empty file", new Uint8Array(), "it is empty"],
    ["a web page", bytes("<!DOCTYPE html><html>"), "web page"],
    ["a Git LFS pointer", bytes("version https://git-lfs.github.com/spec/v1\noid sha256:0"), "git lfs pull"],
    ["a tar archive", bytes("x\0".padEnd(257, "\0"), "ustar"), "before 0.1.10"],
    ["an image", bytes(0x89, "PNG\r\n", 0x1a, "\n"), "neither a safetensors nor a PyTorch file"],
    ["another pickle", bytes(0x80, 2, "K", 1, "."), "not a PyTorch checkpoint"],
  ])("are told: %s", (_, file, message) => {
    expect(() => readCheckpoint(file, "file.pt")).toThrow(CheckpointError);
    expect(() => readCheckpoint(file, "file.pt")).toThrow(message);
  });

  it("are read whatever their name ends in", () => {
    const read = readCheckpoint(fixture("edsr.safetensors"), "edsr.pt");
    expect(read.source).toBe("edsr-pytorch");
    expect(readSafetensors(fixture("edsr.safetensors"), "x").metadata).toEqual({});
  });
});
