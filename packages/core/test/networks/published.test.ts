import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { randomParameters } from "../../../../test/support/networks.js";
import { encodePytorch, readCheckpoint, readState } from "../../src/checkpoints/checkpoint.js";
import type { Overrides } from "../../src/checkpoints/overrides.js";
import { type StateDict, stateOf } from "../../src/checkpoints/state.js";
import { Graph } from "../../src/graph/index.js";
import { buildNetwork, constants, DIV2K_MEAN, imageChannels, type NetworkOptions } from "../../src/networks/index.js";
import {
  BASICSR_RRDB,
  carnM,
  dncnn,
  ESRGAN,
  espcn,
  type Forward,
  ffdnet,
  fsrcnn,
  imdn,
  KAIR_RRDB,
  kairImdn,
  mdsr,
  plainusr,
  rfdn,
  rlfn,
  rrdbnet,
  span,
  srvgg,
} from "./forwards.js";
import { map, type Planes, planes, Torch } from "./reference.js";

interface Published {
  readonly source: string;
  readonly network: NetworkOptions;
  /** Range of the images that go in and come out. */
  readonly range: 255 | 1;
  readonly forward: Forward;
  readonly overrides?: Overrides;
}

const mean = DIV2K_MEAN;

const PUBLISHED: Published[] = [
  {
    network: { architecture: "carn-m", scale: 4, features: 8, groups: 2, mean, range: 1 },
    ...{ source: "carn-pytorch", range: 1, forward: carnM },
  },
  {
    network: { architecture: "mdsr", scale: 3, features: 8, blocks: 2, mean, range: 255 },
    ...{ source: "edsr-pytorch", range: 255, forward: mdsr },
  },
  {
    network: { architecture: "span", scale: 2, features: 8, mean, range: 255 },
    ...{ source: "span", range: 1, forward: span },
  },
  {
    network: { architecture: "dncnn", scale: 1, features: 8, layers: 4, channels: 1, range: 1 },
    ...{ source: "kair", range: 1, forward: dncnn },
  },
  {
    network: { architecture: "dncnn", scale: 1, features: 8, layers: 4, channels: 3, range: 1 },
    ...{ source: "kair", range: 1, forward: dncnn },
  },
];

const luma = { channels: 1, features: 8, range: 1 } as const;
const rrdb = { architecture: "rrdbnet", features: 6, growth: 4, blocks: 2, range: 1 } as const;

PUBLISHED.push(
  {
    network: { architecture: "ffdnet", scale: 1, channels: 3, features: 8, layers: 3, noise: 30, range: 1 },
    ...{ source: "kair", range: 1, forward: ffdnet, overrides: { noise: 30 } },
  },
  {
    network: { architecture: "ffdnet", scale: 1, channels: 1, features: 8, layers: 3, noise: 30, range: 1 },
    ...{ source: "kair", range: 1, forward: ffdnet, overrides: { noise: 30 } },
  },
  {
    network: { architecture: "rlfn", scale: 3, features: 6, blocks: 2, within: 8, attention: 4, range: 255 },
    ...{ source: "rlfn", range: 255, forward: rlfn },
  },
  {
    network: { architecture: "rfdn", scale: 2, features: 8, blocks: 2, distilled: 4, attention: 3, range: 255 },
    ...{ source: "rfdn", range: 255, forward: rfdn },
  },
  {
    network: { architecture: "imdn", scale: 2, features: 32, blocks: 2, variant: "original", range: 1 },
    ...{ source: "imdn", range: 1, forward: imdn },
  },
  {
    network: { architecture: "imdn", scale: 4, features: 8, blocks: 2, variant: "kair", range: 1 },
    ...{ source: "kair", range: 1, forward: kairImdn },
  },
  ...([1, 2, 4] as const).map(
    (scale): Published => ({
      network: { architecture: "srvgg", scale, features: 8, layers: 2, range: 1 },
      ...{ source: "real-esrgan", range: 1, forward: srvgg(scale) },
    }),
  ),
  ...([1, 2, 4] as const).map(
    (scale): Published => ({
      network: { ...rrdb, scale },
      ...{ source: "basicsr", range: 1, forward: rrdbnet(4 / scale, BASICSR_RRDB) },
    }),
  ),
  { network: { ...rrdb, scale: 4 }, source: "esrgan", range: 1, forward: rrdbnet(1, ESRGAN) },
  { network: { ...rrdb, scale: 4 }, source: "kair", range: 1, forward: rrdbnet(1, KAIR_RRDB) },
  ...[2, 0].map(
    (attention): Published => ({
      network: { architecture: "plainusr", scale: 2, features: 7, changed: [6, 4, 5], layers: 1, attention, range: 1 },
      ...{ source: "plainusr", range: 1, forward: plainusr(attention > 0, [6, 4, 5]) },
    }),
  ),
  {
    network: { architecture: "fsrcnn", scale: 3, shrunk: 4, layers: 2, ...luma },
    ...{ source: "fsrcnn-pytorch", range: 1, forward: fsrcnn, overrides: { scale: 3 } },
  },
  {
    network: { architecture: "espcn-luma", scale: 3, ...luma },
    ...{ source: "espcn-pytorch", range: 1, forward: espcn },
  },
);

/** The network's output for an image in 0..255. */
async function made(network: NetworkOptions, parameters: StateDict, image: Planes): Promise<Float32Array> {
  const graph = new Graph("sr");
  const shape = [1, ...image.shape];
  graph.output("sr", buildNetwork(network, graph.input("lr", shape), constants(graph, parameters)));
  return floats(await evaluate(graph, { lr: tensor(shape, image.data) }), "sr");
}

describe("what a source's code computes with a checkpoint that has its names", () => {
  it.each(PUBLISHED.map((each) => [each.network.architecture, each.network.scale, each.source, each] as const))(
    "%s ×%i of %s is what the network here does",
    async (_, scale, source, published) => {
      const { network, range, forward, overrides } = published;
      const file = encodePytorch({ network, parameters: stateOf(randomParameters(network)) }, source);
      const found = readCheckpoint(file, "x.pth", overrides);
      expect(found).toMatchObject({
        source,
        network: { ...network, ...("mean" in network && { mean: expect.anything() }) },
      });
      // Attention is computed at a sixth of the size, of several positions here.
      const [height, width] = "attention" in network ? [31, 28] : [18, 17];
      const pixel = (c: number, y: number, x: number) => (c * 90 + y * 37 + x * 59 + x * y * 11) % 256;
      const image = planes([imageChannels(network), height, width], pixel);
      const state = new Map(readState(file, "x.pth").state);
      const prefix = [...state.keys()].every((name) => /^\d/.test(name)) ? "model." : "";
      const torch = new Torch(new Map([...state].map(([name, tensor]) => [prefix + name, tensor])));
      const expected = forward(
        torch,
        map(image, (value) => (value * range) / 255),
      );
      expect(expected.shape).toEqual([image.shape[0], height * scale, width * scale]);
      const sr = await made(found.network, found.parameters, image);
      const largest = expected.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expected.data.forEach((value, i) => {
        expect(Math.abs((sr[i] as number) * (range / 255) - value) / largest).toBeLessThan(1e-5);
      });
    },
  );
});
