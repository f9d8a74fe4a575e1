import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { encodeCheckpoint, readCheckpoint } from "../../src/checkpoints/checkpoint.js";
import { readSafetensors } from "../../src/checkpoints/safetensors.js";
import type { StateTensor } from "../../src/checkpoints/state.js";
import { Graph } from "../../src/graph/index.js";
import { buildNetwork, constants } from "../../src/networks/index.js";
import { fixture } from "./support.js";

const { tensors: expected } = readSafetensors(fixture("converted.safetensors"), "converted.safetensors");

/** The largest difference between what PyTorch and the converted network make of an image, in 0..255. */
async function differenceOf(file: Uint8Array, name: string): Promise<number> {
  const { network, parameters } = readCheckpoint(encodeCheckpoint(readCheckpoint(file, name)), name);
  const [lr, sr] = [expected.get("lr"), expected.get(name.replace(/\..*/, ""))] as [StateTensor, StateTensor];
  const graph = new Graph(name);
  graph.output("sr", buildNetwork(network, graph.input("lr", lr.shape), constants(graph, parameters)));
  const output = floats(await evaluate(graph, { lr: tensor(lr.shape, lr.data) }), "sr");
  expect(output.length).toBe(sr.data.length);
  return Math.max(...output.map((value, i) => Math.abs(value - (sr.data[i] as number))));
}

describe("checkpoints as training code leaves them", () => {
  it.each([
    [
      "trained.ckpt",
      { source: "edsr-pytorch", within: "state_dict.generator", averaged: false, assumed: ["resScale"] },
    ],
    ["reparametrised.pt", { source: "edsr-pytorch", within: "", averaged: false, assumed: ["resScale"] }],
    [
      "basicsr_edsr.pt",
      { source: "basicsr", within: "params", averaged: false, assumed: ["resScale", "mean", "range"] },
    ],
    ["basicsr_rcan.pt", { source: "basicsr", within: "params_ema", averaged: true, assumed: ["mean", "range"] }],
  ])("%s computes what PyTorch does", async (name, provenance) => {
    expect(readCheckpoint(fixture(name), name)).toMatchObject(provenance);
    expect(await differenceOf(fixture(name), name)).toBeLessThan(1e-3);
  });
});
