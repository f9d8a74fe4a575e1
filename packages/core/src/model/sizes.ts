import { GraphError } from "../errors.js";
import { type Graph, inferAgain, liveNodes, type Value } from "../graph/index.js";
import type { Size } from "../images/geometry.js";
import type { SizeRule } from "./descriptor.js";

/** Sides that images may have to be multiples of. */
const MULTIPLES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 20, 24, 28, 32, 36, 40, 42, 48, 56, 60, 64];

/** Sides from here on don't fail for being small. */
const AMPLE = 96;

/** How many multiples, one after the other, must all do. */
const TRIED = 4;

/**
 * Which sizes of images a network takes: those for which shapes fit, and whose output is as many times as large as that of the image
 * that its graph is built for. Found by trying; nothing is run.
 * @param graph from `image` [N, C, H, W] to its one output
 */
export function findSizeRule(graph: Graph, image: Value): SizeRule {
  const works = trial(graph, image);
  const multipleOf = MULTIPLES.find((multiple) => {
    const first = Math.ceil(AMPLE / multiple);
    const side = (i: number) => (first + i) * multiple;
    return range(TRIED).every((i) => works({ height: side(i), width: side(TRIED - 1 - i) }));
  });
  if (multipleOf !== undefined) return { minimum: leastSide(works, multipleOf), multipleOf };
  const [, , height = 1, width = 1] = image.shape;
  return { minimum: 1, multipleOf: 1, fixed: { height, width } };
}

/** Whether the network takes images of some size, as `findSizeRule` has it. */
function trial(graph: Graph, image: Value): (size: Size) => boolean {
  const output = graph.outputs.values().next().value as Value;
  const [batch, channels, high = 1, wide = 1] = image.shape as [number, number, number, number];
  const [, made, tall = 1, broad = 1] = output.shape;
  const nodes = liveNodes(graph);
  return ({ height, width }) => {
    const standIns = new Map<Value, Value>([[image, { ...image, shape: [batch, channels, height, width] }]]);
    try {
      inferAgain(nodes, standIns);
      const [, count, rows = 0, columns = 0] = standIns.get(output)?.shape ?? [];
      return count === made && rows * high === height * tall && columns * wide === width * broad;
    } catch (error) {
      if (error instanceof GraphError) return false;
      throw error;
    }
  };
}

/** The least multiple from which on sides do, as far as they do up to where they are ample. */
function leastSide(works: (size: Size) => boolean, multiple: number): number {
  if (works({ height: multiple, width: multiple })) return multiple;
  let [low, high] = [2, Math.ceil(AMPLE / multiple)];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const side = middle * multiple;
    if (works({ height: side, width: side })) high = middle;
    else low = middle + 1;
  }
  return low * multiple;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
