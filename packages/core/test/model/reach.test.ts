import { describe, expect, it } from "vitest";
import { open } from "../../../../test/support/engine.js";
import { carn, edsr, randomParameters, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { Graph, int, type Value } from "../../src/graph/index.js";
import { receptiveRadius } from "../../src/model/reach.js";
import { buildNetwork, constants, type NetworkOptions } from "../../src/networks/index.js";
import {
  concat,
  conv,
  convTranspose,
  globalAveragePool,
  mul,
  pad,
  pixelShuffle,
  SpaceToDepth,
  slice,
  split,
} from "../../src/operators/index.js";

const SIZE = 48;

function networkGraph(options: NetworkOptions): Graph {
  return graphOf((x) => buildNetwork(options, x, constants(x.graph, randomParameters(options))));
}

function graphOf(build: (x: Value) => Value): Graph {
  const graph = new Graph("reach");
  graph.output("y", build(graph.input("x", [1, 3, SIZE, SIZE])));
  return graph;
}

const random = new Random(5);
const weight = (graph: Graph, filters: number, channels: number, ...kernel: number[]): Value =>
  graph.constant(random.floats(filters * channels * kernel.reduce((a, b) => a * b, 1), 0.1, 1), [
    filters,
    channels,
    ...kernel,
  ]);
const around = (pad: number) => ({ pads: [pad, pad, pad, pad] });

/** How far from an input pixel's own output pixels a change of it is seen, in input pixels. */
async function measuredRadius(graph: Graph): Promise<number> {
  const session = await open(graph);
  const data = random.floats(3 * SIZE * SIZE, 0, 255);
  const shape = [1, 3, SIZE, SIZE];
  const run = async (input: Float32Array) =>
    (await session.run({ x: float32(input, shape) })).outputs.y?.data as Float32Array;
  const before = await run(data);
  const changed = data.slice();
  const centre = SIZE / 2;
  for (let plane = 0; plane < 3; plane++) changed[(plane * SIZE + centre) * SIZE + centre] = 1e6;
  const after = await run(changed);
  const side = SIZE * ((graph.outputs.get("y")?.shape[3] as number) / SIZE);
  let radius = 0;
  after.forEach((value, i) => {
    if (value === before[i]) return;
    const [x, y] = [i % side, Math.floor(i / side) % side].map((at) => Math.floor((at * SIZE) / side));
    radius = Math.max(radius, Math.abs((x as number) - centre), Math.abs((y as number) - centre));
  });
  return radius;
}

describe("the receptive radius", () => {
  it.each([
    ["EDSR ×2", edsr(2, { blocks: 1, features: 8 })],
    ["EDSR ×3", edsr(3, { blocks: 2, features: 8 })],
    ["EDSR ×4", edsr(4, { blocks: 1, features: 8 })],
    ["CARN ×2", carn(2)],
    ["CARN ×4", carn(4)],
    ["FFDNet", { architecture: "ffdnet", scale: 1, channels: 3, features: 8, range: 255, layers: 3, noise: 15 }],
  ] as [string, NetworkOptions][])("of %s is how far a change of a pixel is seen", async (_, options) => {
    const graph = networkGraph(options);
    expect(receptiveRadius(graph)).toBe(await measuredRadius(graph));
  });

  it.each<[string, (x: Value) => Value]>([
    [
      "a dilated convolution",
      (x) => conv(x, weight(x.graph, 3, 3, 3, 3), undefined, { dilations: [3, 3], ...around(3) }),
    ],
    ["a wide flat kernel", (x) => conv(x, weight(x.graph, 3, 3, 1, 9), undefined, { pads: [0, 4, 0, 4] })],
    [
      "padding and a convolution without",
      (x) => {
        const padded = pad(x, [0, 0, 2, 2, 0, 0, 2, 2], "reflect");
        return conv(padded, weight(x.graph, 3, 3, 5, 5));
      },
    ],
    [
      "a transposed convolution",
      (x) => convTranspose(x, weight(x.graph, 3, 3, 4, 4), { strides: [2, 2], ...around(1) }),
    ],
    [
      "a transposed convolution ×3",
      (x) => convTranspose(x, weight(x.graph, 3, 3, 9, 9), { strides: [3, 3], ...around(3) }),
    ],
    [
      "branches of different reach",
      (x) => {
        const [left, right] = split(x, [1, 2], 1) as [Value, Value];
        const wide = conv(left, weight(x.graph, 1, 1, 7, 7), undefined, around(3));
        const narrow = conv(
          slice(right, [{ axis: 1, start: 0, end: 1 }]),
          weight(x.graph, 1, 1, 3, 3),
          undefined,
          around(1),
        );
        return concat([wide, narrow], 1);
      },
    ],
    [
      "convolutions on both sides of a shuffle",
      (x) => {
        const shuffled = pixelShuffle(conv(x, weight(x.graph, 12, 3, 3, 3), undefined, around(1)), 2);
        return conv(shuffled, weight(x.graph, 3, 3, 5, 5), undefined, around(2));
      },
    ],
    [
      "a crop and its borders repeated",
      (x) => {
        const crop = slice(conv(x, weight(x.graph, 3, 3, 3, 3), undefined, around(1)), [
          { axis: 2, start: 2, end: -1 },
          { axis: 3, start: 1, end: -2 },
        ]);
        return pad(crop, [0, 0, 2, 1, 0, 0, 1, 2], "edge");
      },
    ],
  ])("of %s too", async (_, build) => {
    const graph = graphOf(build);
    expect(receptiveRadius(graph)).toBe(await measuredRadius(graph));
  });

  it("is not known where pixels depend on the whole image, their place or a grid", () => {
    expect(receptiveRadius(networkGraph(rcan(2)))).toBeUndefined();
    expect(receptiveRadius(graphOf((x) => mul(x, globalAveragePool(x))))).toBeUndefined();
    const placed = (x: Value) => mul(x, x.graph.constant(random.floats(SIZE * SIZE), [1, 1, SIZE, SIZE]));
    expect(receptiveRadius(graphOf(placed))).toBeUndefined();
    const strided = (x: Value) => conv(x, weight(x.graph, 3, 3, 2, 2), undefined, { strides: [2, 2] });
    expect(receptiveRadius(graphOf(strided))).toBeUndefined();
    const grid = (x: Value) => x.graph.apply(SpaceToDepth, [x], { blocksize: int(2) })[0] as Value;
    expect(receptiveRadius(graphOf(grid))).toBeUndefined();
    expect(receptiveRadius(graphOf((x) => slice(x, [{ axis: 2, start: 0, end: 9 }])))).toBeUndefined();
  });
});
