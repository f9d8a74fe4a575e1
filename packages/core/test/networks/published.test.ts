import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { randomParameters } from "../../../../test/support/networks.js";
import { encodePytorch, readCheckpoint, readState } from "../../src/checkpoints/checkpoint.js";
import type { Overrides } from "../../src/checkpoints/overrides.js";
import { type StateDict, stateOf } from "../../src/checkpoints/state.js";
import { Graph } from "../../src/graph/index.js";
import { buildNetwork, constants, DIV2K_MEAN, imageChannels, type NetworkOptions } from "../../src/networks/index.js";
import {
  add,
  cat,
  map,
  mul,
  type Planes,
  pixelShuffle,
  planes,
  relu,
  shift,
  sigmoid,
  silu,
  sub,
  Torch,
} from "./reference.js";

/** A source's forward pass, of an image in the range that its code feeds it. */
type Forward = (torch: Torch, image: Planes) => Planes;

interface Published {
  readonly source: string;
  readonly network: NetworkOptions;
  /** Range of the images that go in and come out. */
  readonly range: 255 | 1;
  readonly forward: Forward;
  readonly overrides?: Overrides;
}

/** By the names of the source's code. */
const carnM: Forward = (torch, image) => {
  const cascade = (x: Planes, unit: (i: number, y: Planes) => Planes, fuse: (i: number) => string): Planes => {
    let [seen, y] = [x, x];
    for (const i of [1, 2, 3]) {
      seen = cat(seen, unit(i, y));
      y = relu(torch.conv(`${fuse(i)}.body.0`, seen));
    }
    return y;
  };
  const block = (name: string, x: Planes): Planes => {
    const inner = relu(torch.conv(`${name}.body.0`, x, { groups: 2 }));
    return relu(add(torch.conv(`${name}.body.4`, relu(torch.conv(`${name}.body.2`, inner, { groups: 2 }))), x));
  };
  const entry = torch.conv("entry", torch.conv("sub_mean.shifter", image));
  const body = cascade(
    entry,
    (i, y) =>
      cascade(
        y,
        (_, z) => block(`b${i}.b1`, z),
        (k) => `b${i}.c${k}`,
      ),
    (k) => `c${k}`,
  );
  const up = (name: string, x: Planes) => pixelShuffle(relu(torch.conv(name, x, { groups: 2 })), 2);
  const exit = torch.conv("exit", up("upsample.up.body.3", up("upsample.up.body.0", body)));
  return torch.conv("add_mean.shifter", exit);
};

const mdsr: Forward = (torch, image) => {
  const block = (name: string, x: Planes) =>
    add(x, torch.conv(`${name}.body.2`, relu(torch.conv(`${name}.body.0`, x))));
  const head = block("pre_process.0.1", block("pre_process.0.0", torch.conv("head.0", torch.conv("sub_mean", image))));
  const x = add(head, torch.conv("body.2", block("body.1", block("body.0", head))));
  return torch.conv("add_mean", torch.conv("tail.0", pixelShuffle(torch.conv("upsample.0.0", x), 3)));
};

const span: Forward = (torch, image) => {
  const outs: [Planes, Planes][] = [];
  const mean = [0.4488, 0.4371, 0.404].map((value) => -value);
  const first = torch.conv(
    "conv_1.eval_conv",
    map(shift(image, mean), (value) => value * 255),
  );
  for (let i = 1; i <= 6; i++) {
    const x = outs.at(-1)?.[0] ?? first;
    const a = silu(torch.conv(`block_${i}.c1_r.eval_conv`, x));
    const z = torch.conv(`block_${i}.c3_r.eval_conv`, silu(torch.conv(`block_${i}.c2_r.eval_conv`, a)));
    const attention = map(sigmoid(z), (value) => value - 0.5);
    outs.push([mul(add(z, x), attention), a]);
  }
  const [block1, block6] = [outs[0], outs[5]] as [[Planes, Planes], [Planes, Planes]];
  const body = torch.conv("conv_2.eval_conv", block6[0]);
  return pixelShuffle(torch.conv("upsampler.0", torch.conv("conv_cat", cat(first, body, block1[0], block6[1]))), 2);
};

const kairChain = (torch: Torch, x: Planes, layers: number): Planes => {
  let y = x;
  for (let i = 0; i < layers; i++) y = torch.conv(`model.${2 * i}`, i === 0 ? y : relu(y));
  return y;
};

const dncnn: Forward = (torch, image) => sub(image, kairChain(torch, image, 4));

const mean = DIV2K_MEAN;

const PUBLISHED: readonly Published[] = [
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
      const image = planes(
        [imageChannels(network), 18, 17],
        (c, y, x) => (c * 90 + y * 37 + x * 59 + x * y * 11) % 256,
      );
      const state = new Map(readState(file, "x.pth").state);
      const prefix = [...state.keys()].every((name) => /^\d/.test(name)) ? "model." : "";
      const torch = new Torch(new Map([...state].map(([name, tensor]) => [prefix + name, tensor])));
      const expected = forward(
        torch,
        map(image, (value) => (value * range) / 255),
      );
      expect(expected.shape).toEqual([image.shape[0], 18 * scale, 17 * scale]);
      const sr = await made(found.network, found.parameters, image);
      const largest = expected.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expected.data.forEach((value, i) => {
        expect(Math.abs((sr[i] as number) * (range / 255) - value) / largest).toBeLessThan(1e-5);
      });
    },
  );
});
