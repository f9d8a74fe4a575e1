import { GraphError } from "../errors.js";
import { elements, type Graph, intOr, liveNodes, type Node, type Value } from "../graph/index.js";

/**
 * What may be done to a group's channels without changing the network: any invertible matrix where all that writes and reads
 * them is linear; a permutation and positive factors where something positively homogeneous acts on each of them by itself (a
 * ReLU); a permutation where it is anything else (a gate).
 */
export type Freedom = "linear" | "scaling" | "permutation";

/** How a parameter meets a group along an axis: it produces its channels, consumes them or acts on each by itself. */
export type AxisRole = "writes" | "reads" | "scales";

export interface GroupAxis {
  readonly parameter: Value;
  readonly axis: number;
  readonly role: AxisRole;
}

/**
 * Which channels of a network are one and the same. A unit is what must be kept or dropped together: a channel that several
 * convolutions write or read (through sums, products, elementwise functions), or the r² channels that a pixel shuffle makes one.
 * A group is an ordered set of units that occur along the same axes; the images' channels belong to no group.
 */
export interface ChannelGroup {
  /** Number of units, and the first of them in `ChannelAnalysis.unitsOf`'s numbering. */
  readonly size: number;
  readonly first: number;
  readonly freedom: Freedom;
  /** Parameter axes that the group runs along. */
  readonly axes: readonly GroupAxis[];
}

/** A unit per channel; undefined for an image's channel, which always stays. */
export type Units = readonly (number | undefined)[];

export interface ChannelAnalysis {
  readonly groups: readonly ChannelGroup[];
  /** The unit of each index along a parameter's axis; undefined where the axis belongs to an image or isn't one of channels. */
  readonly unitsOf: (parameter: Value, axis: number) => Units | undefined;
  /** The unit of each channel of an activation; undefined where the channels are an image's or aren't known. */
  readonly channelsOf: (activation: Value) => Units | undefined;
}

/** All channels of images: they are never dropped. */
const IMAGE = 0;

/** Operators that act on each channel by itself and are linear. Constants that are added are written channels too. */
const LINEAR = new Set(["Add", "Sub", "Sum", "Neg", "Identity", "StopGradient", "GlobalAveragePool", "AveragePool"]);

/** Operators that act on each channel by itself, not linearly. */
const ELEMENTWISE = new Set([
  ...["Elu", "Softplus", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Erf"],
  ...["Exp", "Log", "Sqrt", "Pow", "Mul", "Div", "Min", "Max"],
]);

/** Those of them for which f(s·x) = s·f(x) with s > 0. */
const HOMOGENEOUS = new Set(["Relu", "LeakyRelu", "PRelu", "Abs", "MaxPool"]);

/** Atoms are merged as sums, products and shuffles tie them together (union-find with path halving). */
class Atoms {
  readonly #parent: number[] = [IMAGE];

  fresh(count: number): number[] {
    return Array.from({ length: count }, () => this.#parent.push(this.#parent.length) - 1);
  }

  find(atom: number): number {
    let at = atom;
    for (let up = this.#parent[at] as number; up !== at; up = this.#parent[at] as number) {
      this.#parent[at] = this.#parent[up] as number;
      at = up;
    }
    return at;
  }

  unite(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
  }

  uniteAll(a: readonly number[], b: readonly number[]): void {
    a.forEach((atom, i) => {
      this.unite(atom, b[i] as number);
    });
  }
}

interface TracedAxis extends GroupAxis {
  readonly atoms: readonly number[];
}

/**
 * Groups of channels, from the graph alone: images enter as 4-D graph inputs named in `images` and leave as outputs.
 * @throws GraphError for an operator whose effect on channels is unknown.
 */
export function analyseChannels(graph: Graph, images: readonly Value[]): ChannelAnalysis {
  const trace = new Trace();
  for (const image of images) trace.channels.set(image, Array<number>(image.shape[1] as number).fill(IMAGE));
  for (const node of liveNodes(graph)) trace.visit(node);
  for (const output of graph.outputs.values()) trace.fix(trace.channels.get(output) ?? []);
  return collect(trace);
}

/** Follows the channels through a graph, node by node. */
class Trace {
  readonly atoms = new Atoms();
  /** The channels of activations. */
  readonly channels = new Map<Value, readonly number[]>();
  readonly axes: TracedAxis[] = [];
  readonly #axesOf = new Map<Value, TracedAxis[]>();
  /** Atoms on which something acts that is positively homogeneous and not linear, or neither. */
  readonly kinked: number[] = [];
  readonly bent: number[] = [];

  fix(list: readonly number[]): void {
    for (const atom of list) this.atoms.unite(IMAGE, atom);
  }

  visit(node: Node): void {
    const output = node.outputs[0] as Value;
    const tracked = node.inputs.filter((value) => value !== undefined && this.channels.has(value)) as Value[];
    const [first] = tracked;
    if (!first) return;
    if (node.operator === "Conv") {
      this.#convolution(node, output);
      return;
    }
    if (node.operator === "Concat" && intOr(node.attributes, "axis", 0) === 1) {
      const parts = node.inputs.map((part) => part && this.channels.get(part));
      if (parts.some((part) => part === undefined)) throw unknown(node, "joins constants with channels");
      this.channels.set(output, parts.flat() as number[]);
      return;
    }
    if (node.operator === "DepthToSpace") {
      this.#pixelShuffle(node, first, output);
      return;
    }
    const linear = LINEAR.has(node.operator) || isScaling(node, tracked);
    const homogeneous = HOMOGENEOUS.has(node.operator);
    if (!linear && !homogeneous && !ELEMENTWISE.has(node.operator)) {
      throw unknown(node, "its effect on channels is not known");
    }
    this.#channelwise(node, tracked, output, linear ? "linear" : homogeneous ? "scaling" : "permutation");
  }

  #convolution(node: Node, output: Value): void {
    const [x, weight, bias] = node.inputs;
    const read = x && this.channels.get(x);
    if (!read || !weight) throw unknown(node, "a convolution by an activation");
    const groups = intOr(node.attributes, "group", 1);
    const filters = weight.shape[0] as number;
    const depthwise = groups > 1 && groups === filters && weight.shape[1] === 1;
    const written = depthwise ? read : this.atoms.fresh(filters);
    if (depthwise) this.bent.push(...read);
    else if (groups > 1) this.fix([...read, ...written]);
    this.#record(weight, 0, written, depthwise ? "scales" : "writes");
    if (groups === 1) this.#record(weight, 1, read, "reads");
    if (bias) this.#record(bias, 0, written, depthwise ? "scales" : "writes");
    this.channels.set(output, written);
  }

  /** The r² channels that become one are tied; ONNX orders them side by side (CRD) or C apart (DCR). */
  #pixelShuffle(node: Node, input: Value, output: Value): void {
    const shuffled = this.channels.get(input) as readonly number[];
    const count = output.shape[1] as number;
    const adjacent = node.attributes.mode?.kind === "string" && node.attributes.mode.value === "CRD";
    const first = (c: number) => shuffled[adjacent ? c * (shuffled.length / count) : c] as number;
    this.channels.set(
      output,
      Array.from({ length: count }, (_, c) => first(c)),
    );
    shuffled.forEach((atom, i) => {
      this.atoms.unite(first(adjacent ? Math.floor((i * count) / shuffled.length) : i % count), atom);
    });
  }

  /** Everything else acts channel by channel: what has the output's channels is tied together. */
  #channelwise(node: Node, tracked: readonly Value[], output: Value, freedom: Freedom): void {
    const count = output.shape[1] as number;
    const whole = tracked.filter((value) => value.shape.length === 4 && value.shape[1] === count);
    const [first, ...rest] = whole.map((value) => this.channels.get(value) as readonly number[]);
    if (!first) throw unknown(node, "its effect on channels is not known");
    for (const value of tracked) {
      const list = this.channels.get(value) as readonly number[];
      if (whole.includes(value)) continue;
      if (list.length !== 1) throw unknown(node, "its effect on channels is not known");
      // One channel that meets all others, such as a spatial gate.
      this.fix(list);
      this.bent.push(...first);
    }
    for (const list of rest) this.atoms.uniteAll(first, list);
    if (freedom === "scaling") this.kinked.push(...first);
    if (freedom === "permutation") this.bent.push(...first);
    for (const value of node.inputs) {
      if (!value || tracked.includes(value)) continue;
      const axis = node.operator === "PRelu" && value.shape.length === 1 ? 0 : value.shape.length - 3;
      if (axis < 0 || value.shape[axis] === 1) continue;
      this.#record(value, axis, first, freedom === "linear" ? "writes" : "scales");
    }
    this.channels.set(output, first);
  }

  /** A parameter that is used twice ties what it is used on. */
  #record(parameter: Value, axis: number, atoms: readonly number[], role: AxisRole): void {
    const own = this.#axesOf.get(parameter) ?? [];
    const known = own.find((each) => each.axis === axis);
    if (!known) {
      const traced: TracedAxis = { parameter, axis, role, atoms };
      this.axes.push(traced);
      this.#axesOf.set(parameter, [...own, traced]);
    } else if (known.role === role) this.atoms.uniteAll(known.atoms, atoms);
    else throw new GraphError(`${parameter.name} is used in two roles, which ties channels in a way that isn't known`);
  }
}

const unknown = (node: Node, reason: string): GraphError =>
  new GraphError(`${node.operator} (output ${node.outputs[0]?.name}): ${reason}`);

/** A product with or quotient by one number. */
function isScaling({ operator, inputs }: Node, tracked: readonly Value[]): boolean {
  const [x, y] = inputs;
  if (!x || !y || tracked.length !== 1 || !tracked.includes(x)) return false;
  return (operator === "Mul" || operator === "Div") && elements(y.shape) === 1;
}

/** Groups the units that occur equally often along the same axes, in the order in which the graph writes them. */
function collect({ atoms, axes, kinked, bent, channels }: Trace): ChannelAnalysis {
  const roots = (list: readonly number[]) => list.map((atom) => atoms.find(atom));
  const resolved = axes.map(({ parameter, axis, role, atoms: list }) => ({
    parameter,
    axis,
    role,
    atoms: roots(list),
  }));
  const occurrences = new Map<number, number[]>();
  resolved.forEach((axis, i) => {
    for (const atom of axis.atoms) {
      if (atom === IMAGE) continue;
      const along = occurrences.get(atom);
      if (along) along.push(i);
      else occurrences.set(atom, [i]);
    }
  });
  const members = new Map<string, number[]>();
  for (const [atom, along] of occurrences) {
    const key = along.join();
    const list = members.get(key);
    if (list) list.push(atom);
    else members.set(key, [atom]);
  }
  const [homogeneous, curved] = [new Set(roots(kinked)), new Set(roots(bent))];
  const freedomOf = (list: readonly number[]): Freedom => {
    if (list.some((atom) => curved.has(atom))) return "permutation";
    return list.some((atom) => homogeneous.has(atom)) ? "scaling" : "linear";
  };
  const units = new Map<number, number>();
  const groups = [...members.values()].map((list): ChannelGroup => {
    const first = units.size;
    for (const atom of list) units.set(atom, units.size);
    const along = [...new Set(occurrences.get(list[0] as number))].map((i) => resolved[i] as TracedAxis);
    return {
      size: list.length,
      first,
      freedom: freedomOf(list),
      axes: along.map(({ parameter, axis, role }) => ({ parameter, axis, role })),
    };
  });
  const numbered = (list: readonly number[]): Units | undefined => {
    const known = list.map((atom) => units.get(atom));
    return known.some((unit) => unit !== undefined) ? known : undefined;
  };
  const parameterUnits = new Map<Value, Map<number, Units | undefined>>();
  for (const { parameter, axis, atoms: list } of resolved) {
    const known = parameterUnits.get(parameter) ?? new Map<number, Units | undefined>();
    parameterUnits.set(parameter, known.set(axis, numbered(list)));
  }
  return {
    groups,
    unitsOf: (parameter, axis) => parameterUnits.get(parameter)?.get(axis),
    channelsOf: (activation) => {
      const list = channels.get(activation);
      return list && numbered(roots(list));
    },
  };
}
