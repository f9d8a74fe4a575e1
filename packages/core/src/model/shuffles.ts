import {
  applyLike,
  consumersOf,
  elements,
  type Graph,
  int,
  intsOr,
  type Node,
  rewrite,
  type Shape,
  text,
  type Value,
} from "../graph/index.js";
import { single } from "../operators/apply.js";
import { DepthToSpace, gather, Reshape, SpaceToDepth, Transpose } from "../operators/index.js";

/** Elements of an image that is followed one by one, at most. */
const MOST_ELEMENTS = 2 ** 20;

/** Reshapes and transpositions one after another, from one image [N, C, H, W] to another. */
interface Chain {
  readonly from: Value;
  readonly to: Value;
  readonly nodes: readonly Node[];
}

/** What a chain amounts to, applied to the copy of what it starts from. */
type Shuffle = (x: Value) => Value;

/**
 * The graph with one operator for each shuffle of channels or of pixels and channels that is written as reshapes and transpositions: what
 * it does to channels is known then, and it takes any size.
 */
export function withShuffles(source: Graph): Graph {
  const found = new Map(
    chainsOf(source).flatMap((chain) => {
      const shuffle = shuffleOf(chain);
      return shuffle ? [[chain.to, { from: chain.from, shuffle }] as const] : [];
    }),
  );
  if (found.size === 0) return source;
  return rewrite(source, (target) => {
    const copies = new Map<Value, Value>();
    return (node, inputs) => {
      node.inputs.forEach((value, i) => {
        const copy = inputs[i];
        if (value && copy) copies.set(value, copy);
      });
      const meant = found.get(node.outputs[0] as Value);
      const x = meant && copies.get(meant.from);
      return meant && x ? [meant.shuffle(x)] : applyLike(node, target, inputs);
    };
  });
}

const isArrangement = (node: Node | undefined): node is Node =>
  node?.operator === Reshape || node?.operator === Transpose;

/** The longest chains whose values between are read by themselves alone. */
function chainsOf(graph: Graph): Chain[] {
  const readers = consumersOf(graph.nodes);
  const outputs = new Set(graph.outputs.values());
  const isBetween = (value: Value) => readers.get(value)?.length === 1 && !outputs.has(value);
  return graph.nodes.flatMap((last): Chain[] => {
    const to = last.outputs[0] as Value;
    const goesOn = isBetween(to) && isArrangement(readers.get(to)?.[0]) && readers.get(to)?.[0]?.inputs[0] === to;
    if (!isArrangement(last) || to.shape.length !== 4 || goesOn) return [];
    const nodes: Node[] = [last];
    let from = last.inputs[0] as Value;
    while (isBetween(from) && isArrangement(from.producer)) {
      nodes.unshift(from.producer);
      from = from.producer.inputs[0] as Value;
    }
    return from.shape.length === 4 && nodes.some(({ operator }) => operator === Transpose) ? [{ from, to, nodes }] : [];
  });
}

function shuffleOf(chain: Chain): Shuffle | undefined {
  const { from, to } = chain;
  const [batch, channels, height, width] = from.shape as [number, number, number, number];
  const [copies, made, high, wide] = to.shape as [number, number, number, number];
  if (batch !== 1 || copies !== 1 || elements(from.shape) > MOST_ELEMENTS) return undefined;
  const sources = sourcesOf(chain);
  if (high === height && wide === width) {
    const list = Array.from({ length: channels }, (_, c) =>
      Math.floor((sources[c * height * width] as number) / (height * width)),
    );
    const isMeant = follows(to.shape, sources, (c, y, x) => ((list[c] as number) * height + y) * width + x);
    return isMeant ? (x) => selected(x, list) : undefined;
  }
  const r = high / height;
  if (Number.isInteger(r) && wide === r * width && channels === made * r * r) {
    const phase = (c: number, i: number, j: number) =>
      Math.floor((sources[(c * high + i) * wide + j] as number) / (height * width));
    const isMeant = follows(
      to.shape,
      sources,
      (c, y, x) => (phase(c, y % r, x % r) * height + Math.floor(y / r)) * width + Math.floor(x / r),
    );
    const list = Array.from({ length: channels }, (_, k) =>
      phase(Math.floor(k / r ** 2), Math.floor(k / r) % r, k % r),
    );
    return isMeant
      ? (x) => single(DepthToSpace, [selected(x, list)], { blocksize: int(r), mode: text("CRD") })
      : undefined;
  }
  const s = height / high;
  if (!Number.isInteger(s) || width !== s * wide || made !== channels * s * s) return undefined;
  // Channel k of the result at (0, 0) is channel c of the image at (i, j); SpaceToDepth has that at (i·s + j)·C + c.
  const places = Array.from({ length: made }, (_, k) => {
    const at = sources[k * high * wide] as number;
    return { c: Math.floor(at / (height * width)), i: Math.floor(at / width) % height, j: at % width };
  });
  const isMeant = follows(to.shape, sources, (k, y, x) => {
    const { c, i, j } = places[k] as { c: number; i: number; j: number };
    return (c * height + y * s + i) * width + x * s + j;
  });
  if (!isMeant || places.some(({ i, j }) => i >= s || j >= s)) return undefined;
  const list = places.map(({ c, i, j }) => (i * s + j) * channels + c);
  return (x) => selected(single(SpaceToDepth, [x], { blocksize: int(s) }), list);
}

/** Whether element (c, y, x) of an image [1, C, H, W] comes from the element that is expected, everywhere. */
const follows = (
  [, , height = 1, width = 1]: Shape,
  sources: Int32Array,
  expected: (c: number, y: number, x: number) => number,
): boolean =>
  sources.every(
    (from, i) => from === expected(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width),
  );

const selected = (x: Value, list: readonly number[]): Value =>
  list.every((channel, i) => channel === i) ? x : gather(x, x.graph.integers(list), 1);

/** For each element of a chain's end, which of its beginning it is. */
function sourcesOf({ from, nodes }: Chain): Int32Array {
  let indices = Int32Array.from({ length: elements(from.shape) }, (_, i) => i);
  for (const { operator, inputs, outputs, attributes } of nodes) {
    if (operator !== Transpose) continue;
    const { shape } = inputs[0] as Value;
    const permutation = intsOr(attributes, "perm", shape.map((_, axis) => axis).reverse());
    indices = transposed(indices, shape, permutation, (outputs[0] as Value).shape);
  }
  return indices;
}

function transposed(
  values: Int32Array,
  shape: Shape,
  permutation: readonly number[],
  out: Shape,
): Int32Array<ArrayBuffer> {
  const strides = shape.map((_, axis) => elements(shape.slice(axis + 1)));
  const steps = permutation.map((axis) => strides[axis] as number);
  return Int32Array.from({ length: values.length }, (_, at) => {
    let rest = at;
    let from = 0;
    for (let axis = out.length - 1; axis >= 0; axis--) {
      const size = out[axis] as number;
      from += (rest % size) * (steps[axis] as number);
      rest = Math.floor(rest / size);
    }
    return values[from] as number;
  });
}
