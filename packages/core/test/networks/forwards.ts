/** Forward passes as the sources' code has them, by its names. */

import {
  add,
  average,
  averagePool,
  bilinear,
  cat,
  channels,
  combine,
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
  type Torch,
} from "./reference.js";

/** A source's forward pass, of an image in the range that its code feeds it. */
export type Forward = (torch: Torch, image: Planes) => Planes;

export const carnM: Forward = (torch, image) => {
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

export const mdsr: Forward = (torch, image) => {
  const block = (name: string, x: Planes) =>
    add(x, torch.conv(`${name}.body.2`, relu(torch.conv(`${name}.body.0`, x))));
  const head = block("pre_process.0.1", block("pre_process.0.0", torch.conv("head.0", torch.conv("sub_mean", image))));
  const x = add(head, torch.conv("body.2", block("body.1", block("body.0", head))));
  return torch.conv("add_mean", torch.conv("tail.0", pixelShuffle(torch.conv("upsample.0.0", x), 3)));
};

export const span: Forward = (torch, image) => {
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

export const ffdnet: Forward = (torch, image) => {
  const [, height, width] = image.shape;
  const even = replicated(image, height + (height % 2), width + (width % 2));
  const halved = pixelUnshuffle(even, 2);
  const level = planes([1, halved.shape[1], halved.shape[2]], () => 30 / 255);
  return cropped(pixelShuffle(kairChain(torch, cat(halved, level), 3), 2), height, width);
};

const lrelu = leaky(0.05);

export const rlfn: Forward = (torch, image) => {
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

export const rfdn: Forward = (torch, image) => {
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

export const imdn: Forward = (torch, image) => {
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

export const kairImdn: Forward = (torch, image) => {
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

export const srvgg =
  (scale: number): Forward =>
  (torch, image) => {
    let x = torch.prelu("body.1", torch.conv("body.0", image));
    for (const i of [2, 4]) x = torch.prelu(`body.${i + 1}`, torch.conv(`body.${i}`, x));
    return add(pixelShuffle(torch.conv("body.6", x), scale), nearest(image, scale));
  };

/** By the names that a source gives the layers, the dense blocks' being those of {block}, {dense} and {layer}. */
export const rrdbnet =
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

export const BASICSR_RRDB = [
  "conv_first",
  "conv_body",
  "body.{b}.rdb{d}.conv{i}",
  "conv_up1",
  "conv_up2",
  "conv_hr",
  "conv_last",
];
export const ESRGAN = [
  "conv_first",
  "trunk_conv",
  "RRDB_trunk.{b}.RDB{d}.conv{i}",
  "upconv1",
  "upconv2",
  "HRconv",
  "conv_last",
];
export const KAIR_RRDB = ["0", "1.sub.2", "1.sub.{b}.RDB{d}.conv{i}.0", "3", "6", "8", "10"].map(
  (name) => `model.${name}`,
);

/** By local importance, or by a gate in the middle block. */
export const plainusr =
  (importance: boolean, widths: readonly number[]): Forward =>
  (torch, image) => {
    const attended = (name: string, x: Planes): Planes => {
      const first = sigmoid(channels(x, 0, 1));
      const gated = planes(x.shape, (_, y, z) => first.data[y * x.shape[2] + z] as number);
      if (!importance) return mul(mul(x, gated), sigmoid(torch.conv(`${name}.body.0`, x)));
      const t = torch.conv(`${name}.body.0`, x);
      const weight = map(t, Math.exp);
      const pooled = combine(averagePool(mul(weight, t), 7, 3), averagePool(weight, 7, 3), (a, b) => a / b);
      const gate = sigmoid(torch.conv(`${name}.body.3`, torch.conv(`${name}.body.2`, pooled, { stride: 2 })));
      return mul(mul(x, bilinear(gate, x.shape[1], x.shape[2])), gated);
    };
    let x = torch.conv("head", image);
    ["block1", "blockm", "block2"].forEach((name, i) => {
      const width = widths[i] as number;
      let y = torch.conv(`${name}.body.2`, lrelu(torch.conv(`${name}.body.0`, channels(x, 0, width))));
      if (importance || name === "blockm") y = attended(`${name}.body.3`, y);
      x = cat(y, channels(x, width, x.shape[0]));
    });
    return pixelShuffle(torch.conv("tail.0", x), 2);
  };

export const fsrcnn: Forward = (torch, image) => {
  let x = torch.prelu("first_part.1", torch.conv("first_part.0", image));
  for (const i of [0, 2, 4, 6]) x = torch.prelu(`mid_part.${i + 1}`, torch.conv(`mid_part.${i}`, x));
  return torch.convTranspose("last_part", x, { stride: 3, padding: 4, outputPadding: 2 });
};

export const espcn: Forward = (torch, image) => {
  const inner = map(torch.conv("first_part.2", map(torch.conv("first_part.0", image), Math.tanh)), Math.tanh);
  return pixelShuffle(torch.conv("last_part.0", inner), 3);
};

export const dncnn: Forward = (torch, image) => sub(image, kairChain(torch, image, 4));
