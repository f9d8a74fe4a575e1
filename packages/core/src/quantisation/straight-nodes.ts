import { consumersOf, type Graph, liveNodes, type Node, type Value } from "../graph/index.js";
import { Conv, Pad } from "../operators/index.js";
import { linearValues } from "./linear-part.js";

/** Channels of an image: what reads no more is a network's first layer. */
const IMAGE_CHANNELS = 4;

/** Nodes whose outputs are linear in the image. */
export interface StraightNodes {
  /** Those that only make terms of the output that are linear in the image too. */
  readonly terms: ReadonlySet<Node>;
  /** Those that read the image, or what has as few channels, and make features of it alone. */
  readonly features: ReadonlySet<Node>;
  /** Those that read the image likewise, and make terms too. */
  readonly both: ReadonlySet<Node>;
}

export function straightNodes(graph: Graph): StraightNodes {
  const linear = linearValues(graph);
  const nodes = liveNodes(graph);
  const consumers = consumersOf(nodes);
  const [output] = graph.outputs.values();
  const [terms, features, both] = [new Set<Node>(), new Set<Node>(), new Set<Node>()];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.every((value) => linear.has(value))) continue;
    const readers = node.outputs.flatMap((value) => consumers.get(value) ?? []);
    const isTerm = (reader: Node) => terms.has(reader) || endsIn(reader, output as Value, consumers);
    const isOfImage = (node.inputs[0]?.shape[1] ?? 0) <= IMAGE_CHANNELS;
    if (readers.every(isTerm)) terms.add(node);
    else if (isOfImage) (readers.some(isTerm) ? both : features).add(node);
  }
  return { terms, features, both };
}

/** Whether a value is the image, at most beside another plane. */
export function isImage({ inputs: [image] }: Graph, value: Value): boolean {
  return value === image || (value.producer?.operator === Pad && value.producer.inputs[0] === image);
}

/** Convolutions of the image that make features: of images in whole levels they compute with integers that are exact. */
export const isOfLevels = (graph: Graph, { operator, inputs: [x] }: Node): boolean =>
  operator === Conv && x !== undefined && isImage(graph, x);

/** Whether a node's output is the graph's, moved at most. */
function endsIn(node: Node, output: Value, consumers: ReadonlyMap<Value, readonly Node[]>): boolean {
  let [value] = node.outputs as readonly [Value];
  for (;;) {
    if (value === output) return true;
    const [reader, ...others] = consumers.get(value) ?? [];
    if (!reader || others.length > 0 || reader.operator.cost) return false;
    [value] = reader.outputs as readonly [Value];
  }
}
