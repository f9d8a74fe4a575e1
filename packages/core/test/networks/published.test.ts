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
  average,
  bilinear,
  cat,
  channels,
  cropped,
  eachPlane,
  leaky,
  map,
  maxPool,
  mul,
  nearest,
  type Planes,
  pixelShuffle,
  pixelUnshuffle,
  planes,
  relu,
  replicated,
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

const ffdnet: Forward = (torch, image) => {
  const [, height, width] = image.shape;
  const even = replicated(image, height + (height % 2), width + (width % 2));
  const halved = pixelUnshuffle(even, 2);
  const level = planes([1, halved.shape[1], halved.shape[2]], () => 30 / 255);
  return cropped(pixelShuffle(kairChain(torch, cat(halved, level), 3), 2), height, width);
};

const lrelu = leaky(0.05);

const rlfn: Forward = (torch, image) => {
  const block = (name: string, x: Planes): Planes => {
    let y = x;
    for (const i of [1, 2, 3]) y = lrelu(torch.conv(`${name}.c${i}_r`, y));
    y = torch.conv(`${name}.c5`, add(y, x));
    return attended(torch, `${name}.esa`, y, (pooled) => torch.conv(`${name}.esa.conv3`, pooled));
  };
  const first = torch.conv("conv_1", image);
  const body = torch.conv("conv_2", block("block_2", block("block_1", first)));
  return pixelShuffle(torch.conv("upsampler.0", add(body, first)), 3);
};

const rfdn: Forward = (torch, image) => {
  const block = (name: string, x: Planes): Planes => {
    const kept: Planes[] = [];
    let y = x;
    for (const i of [1, 2, 3]) {
      kept.push(lrelu(torch.conv(`${name}.c${i}_d`, y)));
      y = lrelu(add(torch.conv(`${name}.c${i}_r`, y), y));
    }
    y = torch.conv(`${name}.c5`, cat(...kept, lrelu(torch.conv(`${name}.c4`, y))));
    return attended(torch, `${name}.esa`, y, (pooled) => {
      const ranged = relu(torch.conv(`${name}.esa.conv_max`, pooled));
      return torch.conv(`${name}.esa.conv3_`, relu(torch.conv(`${name}.esa.conv3`, ranged)));
    });
  };
  const first = torch.conv("fea_conv", image);
  const outs = [block("B1", first)];
  outs.push(block("B2", outs[0] as Planes));
  const fused = lrelu(torch.conv("c.0", cat(...outs)));
  return pixelShuffle(torch.conv("upsampler.0", add(torch.conv("LR_conv", fused), first)), 2);
};

/** ESA, up to what is done to the pooled features. */
const attended = (torch: Torch, name: string, x: Planes, refine: (pooled: Planes) => Planes): Planes => {
  const low = torch.conv(`${name}.conv1`, x);
  const pooled = maxPool(torch.conv(`${name}.conv2`, low, { stride: 2, padding: 0 }), 7, 3);
  const high = bilinear(refine(pooled), x.shape[1], x.shape[2]);
  return mul(x, sigmoid(torch.conv(`${name}.conv4`, add(high, torch.conv(`${name}.conv_f`, low)))));
};

/** A block's channels, the first quarter of each step's and the last's all. */
const distilled = (x: Planes, steps: (i: number, y: Planes) => Planes): Planes => {
  const kept: Planes[] = [];
  let y = x;
  for (const i of [1, 2, 3]) {
    const z = lrelu(steps(i, y));
    kept.push(channels(z, 0, z.shape[0] / 4));
    y = channels(z, z.shape[0] / 4, z.shape[0]);
  }
  return cat(...kept, steps(4, y));
};

const imdn: Forward = (torch, image) => {
  const block = (name: string, x: Planes): Planes => {
    const joined = distilled(x, (i, y) => torch.conv(`${name}.c${i}`, y));
    const contrast = eachPlane(joined, (values) => {
      const mean = average(values);
      return mean + Math.sqrt(average(values.map((value) => (value - mean) ** 2)));
    });
    const squeezed = relu(torch.conv(`${name}.cca.conv_du.0`, contrast));
    const gate = sigmoid(torch.conv(`${name}.cca.conv_du.2`, squeezed));
    return add(torch.conv(`${name}.c5`, mul(joined, gate)), x);
  };
  const first = torch.conv("fea_conv", image);
  const outs = [block("IMDB1", first)];
  outs.push(block("IMDB2", outs[0] as Planes));
  const fused = lrelu(torch.conv("c.0", cat(...outs)));
  return pixelShuffle(torch.conv("upsampler.0", add(torch.conv("LR_conv", fused), first)), 2);
};

const kairImdn: Forward = (torch, image) => {
  const block = (name: string, x: Planes): Planes =>
    add(
      x,
      torch.conv(
        `${name}.conv1x1`,
        distilled(x, (i, y) => torch.conv(`${name}.conv${i}${i < 4 ? ".0" : ""}`, y)),
      ),
    );
  const first = torch.conv("model.0", image);
  const body = torch.conv("model.1.sub.2", block("model.1.sub.1", block("model.1.sub.0", first)));
  return pixelShuffle(torch.conv("model.2", add(body, first)), 4);
};

const srvgg =
  (scale: number): Forward =>
  (torch, image) => {
    let x = torch.prelu("body.1", torch.conv("body.0", image));
    for (const i of [2, 4]) x = torch.prelu(`body.${i + 1}`, torch.conv(`body.${i}`, x));
    return add(pixelShuffle(torch.conv("body.6", x), scale), nearest(image, scale));
  };

/** By the names that a source gives the layers, the dense blocks' being those of {block}, {dense} and {layer}. */
const rrdbnet =
  (shuffle: number, [head, body, dense, up1, up2, hr, last]: readonly string[]): Forward =>
  (torch, image) => {
    const act = leaky(0.2);
    const fifth = (x: Planes) => map(x, (value) => value * 0.2);
    const nameOf = (b: number, d: number, i: number) =>
      (dense as string).replace("{b}", `${b}`).replace("{d}", `${d}`).replace("{i}", `${i}`);
    const denseBlock = (b: number, d: number, x: Planes): Planes => {
      let seen = x;
      for (const i of [1, 2, 3, 4]) seen = cat(seen, act(torch.conv(nameOf(b, d, i), seen)));
      return add(fifth(torch.conv(nameOf(b, d, 5), seen)), x);
    };
    const block = (b: number, x: Planes) => add(fifth(denseBlock(b, 3, denseBlock(b, 2, denseBlock(b, 1, x)))), x);
    const [, height, width] = image.shape;
    const multiple = (size: number) => Math.ceil(size / shuffle) * shuffle;
    const whole = replicated(image, multiple(height), multiple(width));
    const first = torch.conv(head as string, pixelUnshuffle(whole, shuffle));
    let x = add(first, torch.conv(body as string, block(1, block(0, first))));
    for (const up of [up1, up2] as string[]) x = act(torch.conv(up, nearest(x, 2)));
    const made = torch.conv(last as string, act(torch.conv(hr as string, x)));
    return cropped(made, (height * 4) / shuffle, (width * 4) / shuffle);
  };

const BASICSR_RRDB = [
  "conv_first",
  "conv_body",
  "body.{b}.rdb{d}.conv{i}",
  "conv_up1",
  "conv_up2",
  "conv_hr",
  "conv_last",
];
const ESRGAN = [
  "conv_first",
  "trunk_conv",
  "RRDB_trunk.{b}.RDB{d}.conv{i}",
  "upconv1",
  "upconv2",
  "HRconv",
  "conv_last",
];
const KAIR_RRDB = ["0", "1.sub.2", "1.sub.{b}.RDB{d}.conv{i}.0", "3", "6", "8", "10"].map((name) => `model.${name}`);

const fsrcnn: Forward = (torch, image) => {
  let x = torch.prelu("first_part.1", torch.conv("first_part.0", image));
  for (const i of [0, 2, 4, 6]) x = torch.prelu(`mid_part.${i + 1}`, torch.conv(`mid_part.${i}`, x));
  return torch.convTranspose("last_part", x, { stride: 3, padding: 4, outputPadding: 2 });
};

const espcn: Forward = (torch, image) => {
  const inner = map(torch.conv("first_part.2", map(torch.conv("first_part.0", image), Math.tanh)), Math.tanh);
  return pixelShuffle(torch.conv("last_part.0", inner), 3);
};

const dncnn: Forward = (torch, image) => sub(image, kairChain(torch, image, 4));

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
