import {
  consumersOf,
  type Graph,
  integersOf,
  liveNodes,
  type Node,
  type Replacement,
  type Value,
} from "../../graph/index.js";
import { Slice, split } from "../../operators/index.js";

/** Outputs of a kernel: any WebGPU device binds eight buffers, one of which is the input's. */
const MOST_OUTPUTS = 7;

/**
 * Slices that follow one another through a whole vector, as a training step cuts its parameters, become outputs of Splits: one kernel
 * for several.
 */
export function splitVectors(graph: Graph): Replacement {
  const slices = new Map<Node, { place: number; sizes: readonly number[] }>();
  for (const [value, readers] of consumersOf(liveNodes(graph))) {
    const parts = partsOf(value, readers);
    const sizes = parts.map(lengthOf);
    parts.forEach((node, place) => {
      slices.set(node, { place, sizes });
    });
  }
  const cuts = new Map<Value, readonly Value[]>();
  return (node, [vector]) => {
    const found = slices.get(node);
    if (!found || !vector) return undefined;
    const parts = cuts.get(vector) ?? cut(vector, found.sizes);
    cuts.set(vector, parts);
    return [parts[found.place] as Value];
  };
}

/** The slices that make up a vector, in their order; none where they leave something out or lie over one another. */
function partsOf(vector: Value, readers: readonly Node[]): readonly Node[] {
  if (vector.shape.length !== 1) return [];
  const startOf = ({ inputs }: Node) => integersOf(inputs[1])?.[0] ?? -1;
  const stepOf = ({ inputs }: Node) => (inputs[4] ? integersOf(inputs[4])?.[0] : 1);
  const slices = readers.filter((node) => node.operator === Slice && node.inputs[0] === vector && stepOf(node) === 1);
  const ordered = slices.sort((a, b) => startOf(a) - startOf(b));
  let end = 0;
  const follow = ordered.every((node) => {
    const follows = startOf(node) === end;
    end += lengthOf(node);
    return follows;
  });
  return follow && end === vector.shape[0] && ordered.length > 1 ? ordered : [];
}

const lengthOf = ({ outputs }: Node): number => (outputs[0] as Value).shape[0] as number;

/** The parts of a vector, of such sizes, by Splits of Splits where they are many. */
function cut(vector: Value, sizes: readonly number[]): readonly Value[] {
  if (sizes.length === 1) return [vector];
  if (sizes.length <= MOST_OUTPUTS) return split(vector, sizes, 0);
  let each = MOST_OUTPUTS;
  while (each * MOST_OUTPUTS < sizes.length) each *= MOST_OUTPUTS;
  const groups: (readonly number[])[] = [];
  for (let i = 0; i < sizes.length; i += each) groups.push(sizes.slice(i, i + each));
  const parts = split(
    vector,
    groups.map((group) => group.reduce((sum, size) => sum + size, 0)),
    0,
  );
  return groups.flatMap((group, i) => cut(parts[i] as Value, group));
}
