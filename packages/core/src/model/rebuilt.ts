import { Graph, graft, liveNodes, type Node, type TensorData, type Value } from "../graph/index.js";
import { portableReplacement } from "../lowering/portable.js";
import { Add, Conv, Identity, Mul } from "../operators/index.js";

/**
 * A graph that was read as models have it: what nothing reads is left out, each Identity of a constant is a constant of its own (exporters
 * write equal parameters once), older operators stand for those that are newer than what is written, and a factor and an offset a channel, as a normalisation's at inference, are in the convolution before
 * them. Names stay.
 */
export function rebuilt(source: Graph): Graph {
  const nodes = liveNodes(source);
  const folds = affinesBehindConvolutions(source, nodes);
  const changed = new Map<Value, TensorData>();
  const within = new Set<Node>();
  for (const { weight, bias, factors, offsets, behind } of folds.values()) {
    for (const node of behind) within.add(node);
    changed.set(weight, scaledRows(weight.data as Float32Array, factors));
    if (bias) changed.set(bias, offsets);
  }
  const graph = new Graph(source.name, [...source.outputs.keys(), ...namesOf(source)]);
  const known = new Map(source.inputs.map((value) => [value, graph.input(value.name, value.shape, value.dtype)]));
  const own = ({ name, shape, dtype }: Value, data: TensorData) => graph.constant(data, shape, { name, dtype });
  const read = new Set<Value | undefined>([...nodes.flatMap(({ inputs }) => inputs), ...source.outputs.values()]);
  for (const value of source.constants) {
    if (read.has(value)) known.set(value, own(value, changed.get(value) ?? (value.data as TensorData)));
  }
  for (const { operator, inputs, outputs } of nodes) {
    const [from, to] = [inputs[0], outputs[0]];
    if (operator === Identity && from?.data && to) known.set(to, own(to, from.data));
  }
  const outputs = graft(source, graph, known, [...source.outputs.values()], {
    replacement: (node, inputs) => {
      const [x, weight, bias] = inputs;
      if (within.has(node)) return [x as Value];
      if (node.operator !== Conv) return portableReplacement(node, inputs);
      const offsets = folds.get(node)?.offsets;
      return (
        offsets && graph.apply(Conv, [x, weight, bias ?? graph.constant(offsets, [offsets.length])], node.attributes)
      );
    },
  });
  [...source.outputs.keys()].forEach((name, i) => {
    graph.output(name, outputs[i] as Value);
  });
  return graph;
}

const namesOf = ({ constants, nodes }: Graph): string[] =>
  [...constants, ...nodes.flatMap(({ outputs }) => outputs)].map(({ name }) => name);

/** A convolution whose output is multiplied and added to channel by channel, and by nothing else read. */
interface Fold {
  /** The nodes that multiply and add. */
  readonly behind: readonly Node[];
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly factors: Float32Array;
  readonly offsets: Float32Array;
}

/** By the convolution. */
function affinesBehindConvolutions(graph: Graph, nodes: readonly Node[]): ReadonlyMap<Node, Fold> {
  const uses = new Map<Value, number>();
  for (const value of [...nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.values()]) {
    if (value) uses.set(value, (uses.get(value) ?? 0) + 1);
  }
  const once = (value: Value | undefined) => value !== undefined && uses.get(value) === 1;
  const folds = new Map<Node, Fold>();
  for (const addition of nodes) {
    const [scaled, offset] = addition.inputs;
    const multiplication = scaled?.producer;
    const [made, factor] = multiplication?.inputs ?? [];
    const convolution = made?.producer;
    const [, weight, bias] = convolution?.inputs ?? [];
    if (addition.operator !== Add || multiplication?.operator !== Mul || convolution?.operator !== Conv) continue;
    const output = made as Value;
    const [factors, offsets] = [perChannel(factor, output), perChannel(offset, output)];
    if (!factors || !offsets || !once(scaled) || !once(made) || !once(weight) || (bias && !once(bias))) continue;
    const biases = bias ? bias.data : new Float32Array(factors.length);
    if (!(weight?.data instanceof Float32Array) || !(biases instanceof Float32Array)) continue;
    folds.set(convolution, {
      ...{ behind: [multiplication, addition], weight, bias, factors },
      offsets: offsets.map((b, c) => b + (factors[c] as number) * (biases[c] as number)),
    });
  }
  return folds;
}

/** The numbers of a constant [C, 1, 1]. */
function perChannel(value: Value | undefined, { shape }: Value): Float32Array | undefined {
  const [channels, ...others] = value?.shape ?? [];
  const fits = channels === shape[1] && others.length === shape.length - 2 && others.every((size) => size === 1);
  return fits && value?.data instanceof Float32Array ? value.data : undefined;
}

function scaledRows(weight: Float32Array, factors: Float32Array): Float32Array {
  const row = weight.length / factors.length;
  return weight.map((w, i) => w * (factors[Math.floor(i / row)] as number));
}
