import { consumersOf, type Graph, liveNodes, type Node, rewriteLazily, type Value } from "../../graph/index.js";
import { concat, copiesOfPixels, depthToSpace } from "../../operators/index.js";
import { convolution } from "./chains.js";
import { keepsSize, type LinearMap, linearMapOf, type MapShape, mapShapeOf } from "./linear-map.js";

/** A convolution of pixels that were repeated. */
interface Enlarged {
  /** What is enlarged, and how often each of its pixels is repeated along a side. */
  readonly image: Value;
  readonly factor: number;
  readonly resize: Node;
  readonly shape: MapShape;
}

/**
 * The graph with convolutions of repeated pixels before the repetition. Of a kernel's taps several see the same pixel, at a sub-pixel's
 * place always the same ones: added up, they are a smaller kernel for each sub-pixel, whose images a pixel shuffle puts together.
 * Along one axis, with sub-pixel a of r,
 *
 *   y[r·j + a] = Σ_l w[l] · x[⌊(r·j + a + l) / r⌋] = Σ_t (Σ_{l: ⌊(a + l) / r⌋ = t} w[l]) · x[j + t].
 *
 * Zeros around the enlarged image are zeros around the image, so the border is the same too. Of 3×3 at r = 2 remain 2×2 for each: 4/9 of
 * the operations, with 16/9 of the weights.
 */
export function mergeEnlarged(source: Graph): Graph {
  const nodes = liveNodes(source);
  const consumers = consumersOf(nodes);
  const outputs = new Set(source.outputs.values());
  const found = new Map<Node, Enlarged>();
  for (const node of nodes) {
    const enlarged = enlargedOf(node);
    const between = node.inputs[0] as Value;
    if (enlarged && consumers.get(between)?.length === 1 && !outputs.has(between)) found.set(node, enlarged);
  }
  if (found.size === 0) return source;
  const gone = new Set([...found.values()].map(({ resize }) => resize));
  return rewriteLazily(source, (target, imageOf) => (node) => {
    const enlarged = found.get(node);
    if (!enlarged) return gone.has(node) ? [] : undefined;
    const { image, factor, shape } = enlarged;
    const map = linearMapOf(node, shape);
    const name = (node.inputs[1] as Value).name.replace(/\.weight$/, "");
    const parts = subPixels(factor).map(([row, column]) =>
      convolution(target, imageOf(image), mapOfSubPixel(map, factor, row, column), `${name}.${row}${column}`),
    );
    return [depthToSpace(concat(parts, 1), factor)];
  });
}

const subPixels = (factor: number): (readonly [number, number])[] =>
  Array.from({ length: factor ** 2 }, (_, i) => [Math.floor(i / factor), i % factor] as const);

function enlargedOf(node: Node): Enlarged | undefined {
  const shape = mapShapeOf(node);
  const resize = node.inputs[0]?.producer;
  const factor = resize && copiesOfPixels(resize);
  if (!shape || !factor || factor === 1) return undefined;
  const [, , height, width] = shape.weight;
  const isDense = height === width && height > 1 && shape.dilations.every((dilation) => dilation === 1);
  return isDense && keepsSize(shape) ? { image: resize.inputs[0] as Value, factor, resize, shape } : undefined;
}

/** Along one axis: the places of the pixels that a sub-pixel's taps see, from its own. */
function placesOf(side: number, factor: number, subPixel: number): { first: number; places: readonly number[] } {
  const seen = Array.from({ length: side }, (_, tap) => Math.floor((subPixel + tap - (side - 1) / 2) / factor));
  const first = seen[0] as number;
  return { first, places: seen.map((place) => place - first) };
}

/** The convolution whose image is that of one sub-pixel. */
function mapOfSubPixel(map: LinearMap, factor: number, row: number, column: number): LinearMap {
  const [filters, channels, side] = map.weight;
  const [vertical, horizontal] = [row, column].map((subPixel) => placesOf(side, factor, subPixel)) as [
    ReturnType<typeof placesOf>,
    ReturnType<typeof placesOf>,
  ];
  const [height, width] = [vertical, horizontal].map(({ places }) => (places.at(-1) as number) + 1) as [number, number];
  const kernel = new Float64Array(filters * channels * height * width);
  map.kernel.forEach((weight, i) => {
    const plane = Math.floor(i / side ** 2);
    const y = vertical.places[Math.floor(i / side) % side] as number;
    const x = horizontal.places[i % side] as number;
    const at = (plane * height + y) * width + x;
    kernel[at] = (kernel[at] as number) + weight;
  });
  const [above, before] = [-vertical.first, -horizontal.first];
  return {
    ...map,
    weight: [filters, channels, height, width],
    pads: [above, before, height - 1 - above, width - 1 - before],
    kernel,
  };
}
