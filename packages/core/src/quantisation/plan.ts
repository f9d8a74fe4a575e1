import {
  consumersOf,
  elements,
  type Graph,
  intOr,
  liveNodes,
  type Node,
  sameShape,
  textOr,
  type Value,
} from "../graph/index.js";
import { geometryOf } from "../operators/geometry.js";
import {
  Add,
  Concat,
  Conv,
  DepthToSpace,
  GlobalAveragePool,
  LeakyRelu,
  MaxPool,
  Mul,
  Pad,
  Relu,
  Sigmoid,
  Slice,
  Split,
} from "../operators/index.js";
import { placesOf } from "./named-layers.js";
import { isOfLevels, straightNodes } from "./straight-nodes.js";

/**
 * `integer`: of integers to integers of another scale; `moving`: its output are some of its input's integers; `joining`: its output are its
 * inputs' integers, and what each stands for is in the weights behind it.
 */
export type Arithmetic = "float" | "integer" | "moving" | "joining";

/** Which nodes of a network compute with integers. */
export interface QuantisationPlan {
  readonly graph: Graph;
  readonly arithmetic: (node: Node) => Arithmetic;
  /** The value whose scale a value has. */
  readonly rootOf: (value: Value) => Value;
  /** The output of an integer node that is cut off at zero behind it, by its integers' least number, in place of the node's own. */
  readonly rectified: ReadonlyMap<Value, Value>;
  /** What convolutions of integers read and is the image itself, in whole levels. */
  readonly levels: ReadonlySet<Value>;
}

const MOVING = new Set([DepthToSpace, Slice, Split, MaxPool]);

/** Whether a node's outputs are some of its first input's numbers. */
export const isMoving = ({ operator, attributes }: Node): boolean =>
  MOVING.has(operator) || (operator === Pad && textOr(attributes, "mode", "constant") !== "constant");

/** What a node that doesn't compute in float reads as integers. */
export const integerInputs = ({ operator, inputs }: Node, arithmetic: Arithmetic): readonly Value[] =>
  (arithmetic === "moving" || operator === Conv ? inputs.slice(0, 1) : inputs) as readonly Value[];

/** Which engines have kernels of integers for. */
const OF_ONE = new Set([LeakyRelu, Sigmoid, GlobalAveragePool]);

export interface PlanOptions {
  /** Names of nodes' outputs, or of the layers whose weights they have, that stay in float. */
  readonly keepFloat?: readonly string[];
  /** Nodes that stay in float too, by their places among the graph's live nodes: those of all instances of a network. */
  readonly floatNodes?: ReadonlySet<number>;
  /** Whether images are in whole levels, as those of 8 bits: integers then are what they are. */
  readonly inLevels?: boolean;
  /** Whether concatenations are rounded to one scale even where the weights behind them could be each part's own. */
  readonly oneScale?: boolean;
}

/**
 * Convolutions compute with integers, and so does what lies between them as far as engines can. What is linear in the image and ends in the
 * output stays in float, and so does what sees one position an image, and the first convolution of an image that isn't in whole levels.
 */
export function planQuantisation(
  graph: Graph,
  { keepFloat = [], floatNodes = new Set(), inLevels = false, oneScale = false }: PlanOptions = {},
): QuantisationPlan {
  const nodes = liveNodes(graph);
  const consumers = consumersOf(nodes);
  const { terms, features, both } = straightNodes(graph);
  const isOfImage = (node: Node) => features.has(node) && !(inLevels && isOfLevels(graph, node));
  const straight = new Set([...terms, ...both, ...[...features].filter(isOfImage)]);
  const outputs = new Set(graph.outputs.values());
  const named = placesOf(graph, keepFloat);
  const inFloat = new Set(nodes.filter((_, i) => floatNodes.has(i) || named.has(i)));
  const integerConvolutions = new Set(
    nodes.filter((node) => isIntegerConvolution(node, straight) && !inFloat.has(node)),
  );
  const isFloatLayer = (node: Node) =>
    node.operator === Conv && !integerConvolutions.has(node) && elements(node.inputs[0]?.shape.slice(2) ?? []) > 1;
  const [useful, joining] = [new Set<Node>(), new Set<Node>()];
  for (const node of nodes.toReversed()) {
    const readers = node.outputs.flatMap((value) => consumers.get(value) ?? []);
    // What layers in float alone read isn't rounded for them.
    const leads = (reader: Node) => integerConvolutions.has(reader) || (useful.has(reader) && !isFloatLayer(reader));
    if (readers.some(leads)) useful.add(node);
    if (oneScale || straight.has(node) || inFloat.has(node) || !isOfFeatures(node)) continue;
    const takesParts = (reader: Node) =>
      joining.has(reader) || (integerConvolutions.has(reader) && seesOnePosition(reader));
    // Layers in float read the parts' numbers.
    const fits = readers.some(takesParts) && readers.every((reader) => takesParts(reader) || isFloatLayer(reader));
    if (fits && !node.outputs.some((value) => outputs.has(value))) joining.add(node);
  }
  const arithmetics = new Map<Node, Arithmetic>();
  const roots = new Map<Value, Value>();
  const rootOf = (value: Value): Value => roots.get(value) ?? value;
  const rectified = new Map<Value, Value>();
  const isInteger = (value: Value | undefined) =>
    value?.producer !== undefined && (arithmetics.get(value.producer) ?? "float") !== "float";
  const isRounded = (value: Value) =>
    isInteger(value) ||
    elements(value.shape.slice(2)) === 1 ||
    (consumers.get(value) ?? []).some((reader) => integerConvolutions.has(reader));
  for (const node of nodes) {
    const [x] = node.inputs;
    const [output] = node.outputs as readonly [Value];
    if (integerConvolutions.has(node)) arithmetics.set(node, "integer");
    else if (straight.has(node) || inFloat.has(node)) continue;
    else if (joining.has(node)) arithmetics.set(node, "joining");
    else if (isMoving(node) && isInteger(x)) {
      arithmetics.set(node, "moving");
      for (const value of node.outputs) roots.set(value, rootOf(x as Value));
    } else if (node.operator === Relu && x && isInteger(x) && x.producer && arithmetics.get(x.producer) === "integer") {
      if (consumers.get(x)?.length !== 1 || outputs.has(x)) continue;
      arithmetics.set(node, "moving");
      rectified.set(x, output);
      roots.set(x, output);
    } else if (useful.has(node) && isIntegerFunction(node, isInteger, isRounded)) arithmetics.set(node, "integer");
  }
  const levels = new Set(
    [...integerConvolutions].flatMap((node) => (inLevels && isOfLevels(graph, node) ? [node.inputs[0] as Value] : [])),
  );
  return { graph, arithmetic: (node) => arithmetics.get(node) ?? "float", rootOf, rectified, levels };
}

/**
 * Roots whose numbers convolutions alone read, as integers: of what else is read, such as a residual stream, more bits may be kept than
 * convolutions see.
 */
export function rootsOfConvolutions({ graph, arithmetic, rootOf, rectified }: QuantisationPlan): ReadonlySet<Value> {
  const [of, others] = [new Set<Value>(), new Set<Value>([...graph.outputs.values()].map(rootOf))];
  const isFloat = ({ producer }: Value) => !producer || arithmetic(producer) === "float";
  for (const node of liveNodes(graph)) {
    const kind = arithmetic(node);
    if (kind === "moving" && rectified.get(node.inputs[0] as Value) === node.outputs[0]) continue;
    const integers = kind === "float" ? [] : integerInputs(node, kind);
    for (const value of node.inputs) {
      // What is made in float is read in float too, beside its integers.
      if (!value || (kind === "moving" && value === integers[0]) || (kind === "float" && isFloat(value))) continue;
      (node.operator === Conv && integers.includes(value) ? of : others).add(rootOf(value));
    }
  }
  return new Set([...of].filter((root) => !others.has(root)));
}

function isIntegerConvolution({ operator, inputs, outputs }: Node, straight: ReadonlySet<Node>): boolean {
  const [x, weight, bias] = inputs;
  const [output] = outputs;
  if (operator !== Conv || !x || !output || straight.has(output.producer as Node)) return false;
  const isSpatial = [x, output].every(({ shape }) => shape.length === 4 && elements(shape.slice(2)) > 1);
  return isSpatial && weight?.data instanceof Float32Array && (!bias || bias.data instanceof Float32Array);
}

/** Whether a node puts features side by side, channel by channel. */
const isOfFeatures = ({ operator, attributes, inputs }: Node): boolean =>
  operator === Concat &&
  [1, -3].includes(intOr(attributes, "axis", 0)) &&
  (inputs as readonly Value[]).every(
    ({ data, known, dtype, shape }) => !data && !known && dtype === "float32" && shape.length === 4,
  );

/** Whether a convolution reads no zeros around the image, which stand for other numbers in each part of what was joined. */
const seesOnePosition = (node: Node): boolean => {
  const { kernel, pads } = geometryOf(node);
  return elements(kernel) === 1 && pads.every((pad) => pad === 0);
};

/** Whether what isn't a convolution can be done with integers, some of which come of a convolution, without rounding any for it alone. */
function isIntegerFunction(
  { operator, inputs, outputs }: Node,
  isInteger: (value: Value | undefined) => boolean,
  isRounded: (value: Value) => boolean,
): boolean {
  const values = inputs as readonly Value[];
  const [output] = outputs as readonly [Value];
  if (OF_ONE.has(operator)) return isInteger(values[0]) && elements(values[0]?.shape.slice(2) ?? []) > 1;
  if (operator !== Add && operator !== Mul && operator !== Concat) return false;
  if (values.some(({ data, known, dtype }) => data ?? known ?? dtype !== "float32")) return false;
  const fits =
    operator === Concat ||
    values.every(({ shape }) => sameShape(shape, output.shape) || (operator === Mul && shape.length === 4));
  return fits && values.some(isInteger) && values.every(isRounded);
}
