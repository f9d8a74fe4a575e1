import type { StateDict } from "../../src/checkpoints/state.js";

/** An image or features [C, H, W]. */
export interface Planes {
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly data: Float64Array;
}

export const planes = (shape: Planes["shape"], value: (c: number, y: number, x: number) => number): Planes => {
  const [channels, height, width] = shape;
  const size = height * width;
  const data = Float64Array.from({ length: channels * size }, (_, i) =>
    value(Math.floor(i / size), Math.floor((i % size) / width), i % width),
  );
  return { shape, data };
};

const at = ({ shape: [, height, width], data }: Planes, c: number, y: number, x: number): number =>
  data[(c * height + y) * width + x] as number;

/** Zero beyond the borders. */
const padded = (planes: Planes, c: number, y: number, x: number): number =>
  y < 0 || x < 0 || y >= planes.shape[1] || x >= planes.shape[2] ? 0 : at(planes, c, y, x);

export interface ConvolutionArguments {
  stride?: number;
  padding?: number;
  groups?: number;
}

/** PyTorch's operators by their definitions, with the tensors of a state by the names that a source's code asks for. */
export class Torch {
  constructor(private readonly state: StateDict) {}

  tensor(name: string): { shape: readonly number[]; data: Float32Array } {
    const found = this.state.get(name);
    if (!found) throw new Error(`no ${name} among ${[...this.state.keys()].join(", ")}`);
    return found;
  }

  /** Padding that keeps the size where nothing is said. */
  conv(name: string, x: Planes, { stride = 1, padding, groups = 1 }: ConvolutionArguments = {}): Planes {
    const { shape, data } = this.tensor(`${name}.weight`);
    const bias = this.tensor(`${name}.bias`).data;
    const [filters = 0, inputs = 0, height = 0, width = 0] = shape;
    if (inputs * groups !== x.shape[0]) throw new Error(`${name} takes ${inputs * groups} channels, not ${x.shape[0]}`);
    const pad = padding ?? (height - 1) / 2;
    const sizeOf = (size: number, kernel: number) => Math.floor((size + 2 * pad - kernel) / stride) + 1;
    return planes([filters, sizeOf(x.shape[1], height), sizeOf(x.shape[2], width)], (o, row, column) => {
      const first = Math.floor(o / (filters / groups)) * inputs;
      let sum = bias[o] as number;
      for (let i = 0; i < inputs; i++)
        for (let ky = 0; ky < height; ky++)
          for (let kx = 0; kx < width; kx++)
            sum +=
              (data[((o * inputs + i) * height + ky) * width + kx] as number) *
              padded(x, first + i, row * stride + ky - pad, column * stride + kx - pad);
      return sum;
    });
  }

  /** Each input pixel adds its kernel to the output from stride·i − padding on. */
  convTranspose(
    name: string,
    x: Planes,
    { stride, padding, outputPadding }: { stride: number; padding: number; outputPadding: number },
  ): Planes {
    const { shape, data } = this.tensor(`${name}.weight`);
    const bias = this.tensor(`${name}.bias`).data;
    const [inputs = 0, filters = 0, kernel = 0] = shape;
    const sizeOf = (size: number) => (size - 1) * stride - 2 * padding + kernel + outputPadding;
    const made = planes([filters, sizeOf(x.shape[1]), sizeOf(x.shape[2])], (o) => bias[o] as number);
    const [, height, width] = made.shape;
    for (let i = 0; i < inputs; i++)
      for (let row = 0; row < x.shape[1]; row++)
        for (let column = 0; column < x.shape[2]; column++)
          for (let o = 0; o < filters; o++)
            for (let k = 0; k < kernel ** 2; k++) {
              const [ky, kx] = [Math.floor(k / kernel), k % kernel];
              const [to, along] = [row * stride - padding + ky, column * stride - padding + kx];
              if (to < 0 || along < 0 || to >= height || along >= width) continue;
              const index = (o * height + to) * width + along;
              const weight = data[(i * filters + o) * kernel ** 2 + k] as number;
              made.data[index] = (made.data[index] as number) + at(x, i, row, column) * weight;
            }
    return made;
  }

  prelu(name: string, x: Planes): Planes {
    const { data, shape } = this.tensor(`${name}.weight`);
    if (shape.length !== 1) throw new Error(`${name} has slopes ${shape.join("×")}`);
    return planes(x.shape, (c, row, column) => {
      const value = at(x, c, row, column);
      return value > 0 ? value : value * (data[c] as number);
    });
  }
}

export const map = (x: Planes, change: (value: number) => number): Planes => ({ ...x, data: x.data.map(change) });
export const relu = (x: Planes): Planes => map(x, (value) => Math.max(value, 0));
export const leaky =
  (slope: number) =>
  (x: Planes): Planes =>
    map(x, (value) => (value > 0 ? value : slope * value));
export const sigmoid = (x: Planes): Planes => map(x, (value) => 1 / (1 + Math.exp(-value)));

/** Of one size, or b of one position that meets all. */
export const combine = (a: Planes, b: Planes, operation: (a: number, b: number) => number): Planes =>
  planes(a.shape, (c, y, x) => operation(at(a, c, y, x), b.shape[1] === 1 ? at(b, c, 0, 0) : at(b, c, y, x)));
export const add = (a: Planes, b: Planes): Planes => combine(a, b, (x, y) => x + y);
export const sub = (a: Planes, b: Planes): Planes => combine(a, b, (x, y) => x - y);
export const mul = (a: Planes, b: Planes): Planes => combine(a, b, (x, y) => x * y);
export const silu = (x: Planes): Planes => mul(x, sigmoid(x));

export const cat = (...parts: Planes[]): Planes => {
  const [, height, width] = (parts[0] as Planes).shape;
  const data = Float64Array.from(parts.flatMap((part) => [...part.data]));
  return { shape: [parts.reduce((sum, { shape }) => sum + shape[0], 0), height, width], data };
};

export const channels = (x: Planes, start: number, end: number): Planes =>
  planes([end - start, x.shape[1], x.shape[2]], (c, row, column) => at(x, c + start, row, column));

export const shift = (x: Planes, colour: readonly number[]): Planes =>
  planes(x.shape, (c, row, column) => at(x, c, row, column) + (colour[c] as number));

/** Sub-pixels of a channel are adjacent. */
export const pixelShuffle = (x: Planes, r: number): Planes =>
  planes([x.shape[0] / r ** 2, x.shape[1] * r, x.shape[2] * r], (c, row, column) =>
    at(x, (c * r + (row % r)) * r + (column % r), Math.floor(row / r), Math.floor(column / r)),
  );

export const pixelUnshuffle = (x: Planes, r: number): Planes =>
  planes([x.shape[0] * r ** 2, x.shape[1] / r, x.shape[2] / r], (c, row, column) => {
    const [channel, sub] = [Math.floor(c / r ** 2), c % r ** 2];
    return at(x, channel, row * r + Math.floor(sub / r), column * r + (sub % r));
  });

export const nearest = (x: Planes, r: number): Planes =>
  planes([x.shape[0], x.shape[1] * r, x.shape[2] * r], (c, row, column) =>
    at(x, c, Math.floor(row / r), Math.floor(column / r)),
  );

/** The first rows and columns, as many as are asked for; the last are repeated where there are fewer. */
export const replicated = (x: Planes, height: number, width: number): Planes =>
  planes([x.shape[0], height, width], (c, row, column) =>
    at(x, c, Math.min(row, x.shape[1] - 1), Math.min(column, x.shape[2] - 1)),
  );
export const cropped = replicated;

const pool =
  (of: (values: Float64Array) => number) =>
  (x: Planes, kernel: number, stride: number): Planes => {
    const sizeOf = (size: number) => Math.floor((size - kernel) / stride) + 1;
    return planes([x.shape[0], sizeOf(x.shape[1]), sizeOf(x.shape[2])], (c, row, column) =>
      of(
        Float64Array.from({ length: kernel ** 2 }, (_, k) =>
          at(x, c, row * stride + Math.floor(k / kernel), column * stride + (k % kernel)),
        ),
      ),
    );
  };

export const maxPool = pool((values) => Math.max(...values));

/** F.interpolate(x, (height, width), mode="bilinear", align_corners=False). */
export const bilinear = (x: Planes, height: number, width: number): Planes => {
  const position = (to: number, size: number, made: number): [number, number, number] => {
    const exact = Math.max(0, ((to + 0.5) * size) / made - 0.5);
    const low = Math.min(Math.floor(exact), size - 1);
    return [low, Math.min(low + 1, size - 1), exact - low];
  };
  return planes([x.shape[0], height, width], (c, row, column) => {
    const [top, bottom, down] = position(row, x.shape[1], height);
    const [left, right, along] = position(column, x.shape[2], width);
    const across = (y: number) => at(x, c, y, left) * (1 - along) + at(x, c, y, right) * along;
    return across(top) * (1 - down) + across(bottom) * down;
  });
};

export const average = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
export const averagePool = pool(average);

/** One number for each channel. */
export const eachPlane = (
  { shape: [count, height, width], data }: Planes,
  of: (values: Float64Array) => number,
): Planes => planes([count, 1, 1], (c) => of(data.subarray(c * height * width, (c + 1) * height * width)));
