import type { Size } from "@slimsr/core/internal/images/geometry.js";
import type { Rectangle } from "../images/planes.js";

/**
 * Means over a whole image that is computed in parts, of all of a network's poolings, one after another: one list, or one for each of
 * the image's turned forms.
 */
export type Means = readonly Float32Array<ArrayBuffer>[];

/** A part of an image that is computed as it is within the image. */
export interface Part {
  /** What counts as the part, in its planes: the cores of an image's parts make up the image. */
  readonly core: Rectangle;
  /** Those of the whole image. */
  readonly means: Means;
}

/** What means may still change by where they count as settled, of the largest. */
const SETTLED = 1e-5;

/**
 * The means of a whole image. What is pooled depends on what was pooled before, so they are found by computing the image with what is
 * known of them as yet. After as many passes as poolings lie behind one another they are exact, whatever they began with; mostly
 * they settle in a few.
 * @param start what is known before, or nothing
 * @param depth poolings that lie behind one another
 * @param pass computes the image with some means, and yields those that come out
 */
export async function settledMeans(
  start: Means,
  depth: number,
  pass: (means: Means) => Promise<Means>,
): Promise<Means> {
  let means = start;
  for (let count = 1; count <= depth; count++) {
    const found = await pass(means);
    const isSettled = found.every((list, i) => isNear(list, means[i]));
    means = found;
    if (isSettled) break;
  }
  return means;
}

function isNear(some: Float32Array, others: Float32Array | undefined): boolean {
  if (!others) return false;
  let [largest, change] = [0, 0];
  for (let i = 0; i < some.length; i++) {
    largest = Math.max(largest, Math.abs(some[i] as number));
    change = Math.max(change, Math.abs((some[i] as number) - (others[i] as number)));
  }
  return change <= SETTLED * largest;
}

export const noMeans = (forms: number, channels: number): Means =>
  Array.from({ length: forms }, () => new Float32Array(channels));

/** The mean of parts' means, each by its pixels. */
export class MeanOfParts {
  #sums: Float64Array[] = [];
  #pixels = 0;

  add(means: Means, { width, height }: Size): void {
    const pixels = width * height;
    means.forEach((list, form) => {
      this.#sums[form] ??= new Float64Array(list.length);
      const sums = this.#sums[form] as Float64Array;
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (list[i] as number) * pixels;
    });
    this.#pixels += pixels;
  }

  result(): Means {
    return this.#sums.map((sums) => Float32Array.from(sums, (sum) => sum / this.#pixels));
  }
}

/**
 * How much of the core's mean each feature of a part is, all of them 1 together.
 * @param step pixels of the part along a side of a feature
 */
export function weightsOf(part: Size, core: Rectangle, step: number): Float32Array<ArrayBuffer> {
  const columns = covered(part.width / step, core.x / step, (core.x + core.width) / step);
  const rows = covered(part.height / step, core.y / step, (core.y + core.height) / step);
  const weights = new Float32Array(rows.length * columns.length);
  const whole = (core.width * core.height) / step ** 2;
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      weights[y * columns.length + x] = (row * column) / whole;
    });
  });
  return weights;
}

/** What of each index lies within from … to. */
const covered = (length: number, from: number, to: number): number[] =>
  Array.from({ length }, (_, i) => Math.max(0, Math.min(i + 1, to) - Math.max(i, from)));

/** What two rectangles share, where they do. */
export function intersection(one: Rectangle, other: Rectangle): Rectangle | undefined {
  const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
  const width = Math.min(one.x + one.width, other.x + other.width) - x;
  const height = Math.min(one.y + one.height, other.y + other.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}
