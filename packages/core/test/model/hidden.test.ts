import { expect, it } from "vitest";
import { carn, edsr, randomParameters } from "../../../../test/support/networks.js";
import { Graph, type Node } from "../../src/graph/index.js";
import { hiddenConvolutions } from "../../src/model/hidden.js";
import { networkModel } from "../../src/model/model.js";
import type { NetworkOptions } from "../../src/networks/index.js";
import { conv, relu } from "../../src/operators/index.js";

const weightsOf = (nodes: readonly Node[]) => nodes.map(({ inputs }) => inputs[1]?.name);

const hiddenOf = (network: NetworkOptions) =>
  weightsOf(hiddenConvolutions(networkModel(network, randomParameters(network)).graph));

it("are a network's convolutions between its first and its last", () => {
  expect(hiddenOf(edsr(2, { features: 8, blocks: 1 }))).toEqual([
    ...["body.0.conv1.weight", "body.0.conv2.weight", "body_conv.weight", "upsampler.blocks.0.weight"],
  ]);
  const found = hiddenOf(carn(2));
  expect(found).not.toContain("entry.weight");
  expect(found).not.toContain("exit.weight");
  expect(found.length).toBeGreaterThan(5);
});

it("are not those that keep channels apart", () => {
  const graph = new Graph("depthwise");
  const x = graph.input("x", [1, 3, 8, 8]);
  const weight = (name: string, shape: readonly number[]) => graph.input(name, shape);
  const features = relu(conv(x, weight("first", [4, 3, 3, 3])));
  const apart = conv(features, weight("apart", [4, 1, 3, 3]), undefined, { group: 4 });
  const mixed = conv(apart, weight("mixed", [6, 4, 1, 1]));
  graph.output("y", conv(mixed, weight("last", [3, 6, 3, 3])));
  expect(weightsOf(hiddenConvolutions(graph))).toEqual(["mixed"]);
});
