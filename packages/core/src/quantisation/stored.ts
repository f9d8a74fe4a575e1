import { EXAMPLE, writeGraph } from "../export/onnx.js";
import { constantContents, type Grid, gridOf, parameterBehind, withKnown, withoutUnread } from "../export/roundings.js";
import {
  applyLike,
  consumersOf,
  elements,
  type Graph,
  intOr,
  liveNodes,
  type Node,
  rewriteLazily,
  type Shape,
  type TensorData,
  type Value,
} from "../graph/index.js";
import { imageNames, sizeFrom } from "../model/descriptor.js";
import { instantiate, type Model } from "../model/model.js";
import { add, Clip, Conv, dequantizeLinear, FakeQuantise, quantizeLinear, Relu } from "../operators/index.js";
import { LARGEST_CODE } from "./integers.js";
import { isMoving } from "./plan.js";
import { firstChannels, forKernels, integerParameters } from "./qdq.js";

/** The file of a network that was trained with its roundings, in integers; see `withStoredIntegers`. */
export function integerModel(model: Model): Uint8Array<ArrayBuffer> {
  const { channels, size } = model.descriptor;
  const { height, width } = sizeFrom(size, EXAMPLE);
  const graph = instantiate(model, [1, channels.input, height, width], imageNames(model.descriptor));
  return writeGraph(withStoredIntegers(graph), model.descriptor);
}

/**
 * A network that was trained with its roundings, as engines take it for one of integers, as `quantisedGraph` writes it: activations through
 * bytes, weights int8 with a scale for each filter, of no more levels than they were trained with, and int32 biases where these were rounded too.
 * @param source an instance of `fakeQuantised`'s network, its parameters constants
 */
export function withStoredIntegers(source: Graph): Graph {
  const contents = constantContents(source);
  const contentOf = (value: Value) => value.data ?? contents.get(value);
  /** What values are rounded to that are kept as bytes. */
  const grids = new Map<Value, Grid>();
  const consumers = consumersOf(liveNodes(source));
  /** Whether a value is only rounded, behind a rectifier or not. */
  const isRounded = (value: Value): boolean => {
    const [reader, ...others] = consumers.get(value) ?? [];
    if (!reader || others.length > 0) return false;
    return reader.operator === FakeQuantise || (reader.operator === Relu && isRounded(reader.outputs[0] as Value));
  };
  const stored = rewriteLazily(source, (target, imageOf) => (node) => {
    const [x, weight, bias] = node.inputs as [Value, Value?, Value?];
    const [output] = node.outputs as [Value];
    const known = withKnown(node, target, contents);
    if (known) return known;
    if (node.operator === FakeQuantise) {
      const grid = gridOf(node, contents);
      grids.set(output, grid);
      const made = roundedTo(imageOf(x), grid);
      const own = firstChannels(made, output.shape);
      return [own === made ? made : throughBytes(own, grid.scale, -grid.low)];
    }
    const grid = grids.get(x);
    if (grid && isMoving(node)) {
      const inputs = node.inputs.map((value) => value && imageOf(value));
      return applyLike(node, target, inputs).map((made, i) => {
        grids.set(node.outputs[i] as Value, grid);
        return throughBytes(made, grid.scale, -grid.low);
      });
    }
    const rounding = weight?.producer;
    if (node.operator !== Conv || !grid || rounding?.operator !== FakeQuantise) return undefined;
    const filters = weight?.shape[0] as number;
    const places = {
      weight: { name: parameterBehind(rounding.inputs[0] as Value).name, shape: weight?.shape as Shape },
      bias: bias && parameterBehind(bias),
    };
    const numbers = (bias ? contentOf(bias) : new Float32Array(filters)) as Float32Array;
    const own = { ...integerWeight(rounding, contentOf, filters), bias: numbers };
    const isWhole = !bias || bias.producer?.operator === FakeQuantise;
    const integers = isWhole && isRounded(output) ? forKernels(node, own) : own;
    const [codes, offsets] = integerParameters(target, places, integers, zeroed(grid), bitsOf(rounding));
    if (isWhole) return applyLike(node, target, [imageOf(x), codes, offsets]);
    // Within a convolution of integers engines would round it.
    const [products] = applyLike(node, target, [imageOf(x), codes]);
    return [add(products as Value, target.constant(numbers, [1, filters, ...output.shape.slice(2).map(() => 1)]))];
  });
  return withoutUnread(stored);
}

/** Bits of the weights that are rounded so, their sign among them. */
const bitsOf = ({ attributes }: Node): number => 1 + Math.ceil(Math.log2(intOr(attributes, "high", 0) + 1));

const zeroed = ({ scale, low }: Grid) => ({ scale, zeroPoint: -low });

function integerWeight(rounding: Node, contentOf: (value: Value) => TensorData | undefined, filters: number) {
  const [output] = rounding.outputs as [Value];
  const given = contentOf(rounding.inputs[1] as Value) as Float32Array;
  const scales = given.length === filters ? given : new Float32Array(filters).fill(given[0] as number);
  const each = elements(output.shape) / filters;
  const rounded = contentOf(output) as Float32Array;
  return {
    scales,
    codes: Int8Array.from(rounded, (w, i) => Math.round(w / (scales[Math.floor(i / each)] as number))),
  };
}

/**
 * x rounded by ONNX's own operators, through bytes. A byte's range cuts off below by itself, and above what has 256 levels; where there are fewer the bytes
 * are cut off, and not the numbers in front of them: engines make one integer node of a convolution that they are rounded right behind.
 */
function roundedTo(x: Value, { scale, low, high }: Grid): Value {
  const largest = high - low;
  return throughBytes(x, scale, -low, (bytes) => (largest === LARGEST_CODE ? bytes : atMost(bytes, largest)));
}

/** Numbers as bytes and back. */
function throughBytes(x: Value, scale: number, zeroPoint: number, change = (bytes: Value): Value => bytes): Value {
  const { graph } = x;
  const step = graph.scalar(scale);
  const zero = byte(graph, zeroPoint);
  return dequantizeLinear(change(quantizeLinear(x, step, zero)), step, zero);
}

function atMost(bytes: Value, largest: number): Value {
  const { graph } = bytes;
  const [kept] = graph.apply(Clip, [bytes, byte(graph, 0), byte(graph, largest)]);
  return kept as Value;
}

const byte = (graph: Graph, number: number): Value =>
  graph.shared(`byte ${number}`, () => graph.constant(Uint8Array.of(number), []));
