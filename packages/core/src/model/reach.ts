import { type Graph, intOr, intsOr, liveNodes, type Node, type Value } from "../graph/index.js";

/**
 * What index i along an axis of a value depends on: input pixels step · i + low … step · i + high. Every convolution and
 * shuffle widens it.
 */
interface Span {
  readonly step: number;
  readonly low: number;
  readonly high: number;
}

/** Rows and columns. */
type Spans = readonly [Span, Span];

/** `all`: on every pixel, or in a way that isn't known. Undefined for constants. */
type Sight = Spans | "all" | undefined;

/** Operators that compute each position from the same position of their operands. */
const POINTWISE = new Set([
  ...["Abs", "Neg", "Sign", "Sqrt", "Exp", "Log", "Reciprocal", "Floor", "Ceil", "Round", "Erf", "Identity", "Not"],
  ...["Relu", "LeakyRelu", "PRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Softplus", "Clip", "Cast"],
  ...["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Min", "Max", "And", "Or", "Where"],
  ...["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "StopGradient"],
]);

/**
 * A network's receptive field: how many input pixels at each side of its own an output pixel may depend on. A part of an
 * image with that much around it comes out as it does within the whole.
 * @param graph from one image [N, C, H, W] to another
 * @param images its inputs that are images; the others are parameters
 * @returns undefined where an output pixel depends on the whole image (global pooling), or the graph has an operator that
 * moves pixels in another way than convolutions, pooling, pixel shuffles and paddings of stride 1 do
 */
export function receptiveRadius(graph: Graph, images: readonly Value[] = graph.inputs): number | undefined {
  const sights = new Map<Value, Sight>();
  for (const image of images) sights.set(image, [POINT, POINT]);
  for (const node of liveNodes(graph)) {
    const sight = sightOf(node, sights);
    for (const output of node.outputs) sights.set(output, sight);
  }
  const radii = [...graph.outputs.values()].map((value) => radiusOf(sights.get(value)));
  return radii.every((radius) => radius !== undefined) ? Math.max(0, ...radii) : undefined;
}

const POINT: Span = { step: 1, low: 0, high: 0 };

function radiusOf(sight: Sight): number | undefined {
  if (sight === undefined) return 0;
  if (sight === "all") return undefined;
  // Output pixels s·c … s·(c + 1) − 1 belong to input pixel c. Steps like 1/3 are not exact.
  const tolerance = 1e-6;
  return Math.max(
    ...sight.map(({ step, low, high }) =>
      Math.max(Math.floor(tolerance - low), Math.floor(high + 1 - step + tolerance)),
    ),
  );
}

function sightOf(node: Node, sights: ReadonlyMap<Value, Sight>): Sight {
  const [x, ...rest] = node.inputs;
  const seen = node.inputs.map((value) => value && sights.get(value));
  if (seen.includes("all")) return "all";
  const first = seen[0];
  const known = seen.filter((sight) => sight !== undefined) as Spans[];
  if (known.length === 0) return undefined;
  if (POINTWISE.has(node.operator)) {
    const fixed = node.inputs.some((value) => value && !sights.get(value) && isLocated(value));
    return fixed ? "all" : union(known);
  }
  if (node.operator === "Concat") return intOr(node.attributes, "axis", 0) === 1 ? union(known) : "all";
  if (!x || first === undefined || first === "all" || known.length > 1) return "all";
  switch (node.operator) {
    case "Conv":
    case "MaxPool":
    case "AveragePool":
      return windowed(node, first);
    case "ConvTranspose":
      return transposed(node, first);
    case "DepthToSpace": {
      const r = intOr(node.attributes, "blocksize", 1);
      return both(first, ({ step, low, high }) => ({ step: step / r, low: low - (step * (r - 1)) / r, high }));
    }
    case "Split":
      return intOr(node.attributes, "axis", 0) === 1 ? first : "all";
    case "Slice":
      return integersOf(rest[2])?.every((axis) => axis === 1) ? first : "all";
    case "Pad":
      return padded(integersOf(rest[0]), first);
    default:
      return "all";
  }
}

/** Whether a constant differs from place to place. */
const isLocated = ({ shape }: Value): boolean => shape.slice(Math.max(1, shape.length - 2)).some((size) => size > 1);

const both = (spans: Spans, change: (span: Span, axis: 0 | 1) => Span): Spans => [
  change(spans[0], 0),
  change(spans[1], 1),
];

function union(list: readonly Spans[]): Sight {
  const [first] = list as [Spans];
  if (list.some((spans) => spans.some(({ step }, axis) => step !== first[axis as 0 | 1].step))) return "all";
  return both(first, ({ step }, axis) => ({
    step,
    low: Math.min(...list.map((spans) => spans[axis].low)),
    high: Math.max(...list.map((spans) => spans[axis].high)),
  }));
}

interface WindowOfAxis {
  readonly extent: number;
  readonly stride: number;
  readonly before: number;
}

function windowOf({ attributes, inputs }: Node, axis: 0 | 1): WindowOfAxis {
  const kernel = intsOr(attributes, "kernel_shape", inputs[1]?.shape.slice(2) ?? []);
  const at = (name: string, otherwise: number) => intsOr(attributes, name, [otherwise, otherwise])[axis] ?? otherwise;
  return {
    extent: ((kernel[axis] ?? 1) - 1) * at("dilations", 1),
    stride: at("strides", 1),
    before: at("pads", 0),
  };
}

/** Output i sees inputs i − before … i − before + extent. A larger stride would tie tiles to a grid. */
function windowed(node: Node, spans: Spans): Sight {
  if ([0, 1].some((axis) => windowOf(node, axis as 0 | 1).stride > 1)) return "all";
  return both(spans, ({ step, low, high }, axis) => {
    const { extent, before } = windowOf(node, axis);
    return { step, low: low - step * before, high: high + step * (extent - before) };
  });
}

/** Output i sees inputs (i + before − extent) / stride … (i + before) / stride. */
function transposed(node: Node, spans: Spans): Sight {
  return both(spans, ({ step, low, high }, axis) => {
    const { extent, stride, before } = windowOf(node, axis);
    const fine = step / stride;
    return { step: fine, low: low + fine * (before - extent), high: high + fine * before };
  });
}

function padded(pads: readonly number[] | undefined, spans: Spans): Sight {
  if (pads?.length !== 8) return "all";
  return both(spans, ({ step, low, high }, axis) => {
    const before = step * (pads[2 + axis] as number);
    return { step, low: low - before, high: high - before };
  });
}

const integersOf = (value: Value | undefined): number[] | undefined =>
  value?.data instanceof BigInt64Array ? Array.from(value.data, Number) : undefined;
