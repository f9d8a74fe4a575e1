import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { putBeforeShuffles } from "../../src/export/before-shuffles.js";
import { behindShuffles, kernelBeforeShuffle, kernelBehindShuffle } from "../../src/export/subpixel.js";
import { elements, Graph, liveNodes } from "../../src/graph/index.js";
import { conv, pixelShuffle, type WindowOptions } from "../../src/operators/index.js";

/** A pixel shuffle, and a convolution to an image behind it. */
function tail(side: number, r: number, options: WindowOptions = {}): Graph {
  const random = new Random(side * 10 + r);
  const graph = new Graph("tail");
  const x = graph.input("x", [1, 2 * r * r, 5, 7]);
  const shape = [3, 2, side, side];
  const weight = graph.constant(random.floats(elements(shape), -1, 1), shape, { name: "tail.weight" });
  const pad = (side - 1) / 2;
  const bias = graph.constant(random.floats(3, -1, 1), [3], { name: "tail.bias" });
  graph.output("y", conv(pixelShuffle(x, r), weight, bias, { pads: [pad, pad, pad, pad], ...options }));
  return graph;
}

async function run(graph: Graph): Promise<Float32Array> {
  const session = await createSession(graph);
  const { shape } = graph.inputs[0] as Graph["inputs"][number];
  const { outputs } = await session.run({ x: float32(new Random(5).floats(elements(shape), -1, 1), shape) });
  await session.close();
  return outputs.y?.data as Float32Array;
}

const operators = (graph: Graph) => graph.outputs.get("y")?.producer?.operator.name;

describe("a convolution to an image behind a pixel shuffle", () => {
  const cases = [1, 3, 5, 7].flatMap((side) => [2, 3].map((r) => [side, r] as const));
  it.each(cases)("of side %i behind ×%i goes before it, up to the image's border, and back", async (side, r) => {
    const graph = tail(side, r);
    const swapped = putBeforeShuffles(graph);
    const back = behindShuffles(swapped);
    expect([graph, swapped, back].map(operators)).toEqual(["Conv", "DepthToSpace", "Conv"]);
    const expected = await run(graph);
    const found = await run(swapped);
    expect(found).toHaveLength(expected.length);
    found.forEach((value, i) => {
      expect(Math.abs(value - (expected[i] as number))).toBeLessThan(2e-5);
    });
    expect(await run(back)).toEqual(expected);
  });

  it.each([true, false])(
    "is cut into parts where a wide one makes what is shuffled, with a bias: %s",
    async (biased) => {
      const random = new Random(9);
      const graph = new Graph("wide");
      const x = graph.input("x", [1, 3, 5, 7]);
      const weight = (shape: number[]) => graph.constant(random.floats(elements(shape), -1, 1), shape);
      const wide = conv(x, weight([96, 3, 3, 3]), biased ? weight([96]) : undefined, { pads: [1, 1, 1, 1] });
      graph.output("y", conv(pixelShuffle(wide, 2), weight([3, 24, 3, 3]), undefined, { pads: [1, 1, 1, 1] }));
      const swapped = putBeforeShuffles(graph);
      const left = liveNodes(swapped).map(({ operator }) => operator.name);
      expect(left).toEqual(["Conv", "Conv", "Conv", "Conv", "Add", "DepthToSpace"]);
      const expected = await run(graph);
      (await run(swapped)).forEach((value, i) => {
        expect(Math.abs(value - (expected[i] as number))).toBeLessThan(2e-4);
      });
    },
  );

  it.each<[string, WindowOptions]>([
    ["shrinks", { strides: [2, 2] }],
    ["is dilated", { dilations: [2, 2], pads: [2, 2, 2, 2] }],
    ["crops", { pads: [0, 0, 0, 0] }],
  ])("stays where it %s", (_, options) => {
    expect(operators(putBeforeShuffles(tail(3, 2, options)))).toBe("Conv");
  });

  it("stays where it has more filters than an image has channels", () => {
    expect(operators(putBeforeShuffles(tail(3, 4)))).toBe("Conv");
  });

  it("is told from others before a shuffle", () => {
    const shape = [3, 2, 3, 3];
    const kernel = { shape, data: new Random(3).floats(elements(shape), 0.5, 1) };
    const { shape: wide, data } = kernelBeforeShuffle(kernel, 2);
    expect(wide).toEqual([12, 8, 3, 3]);
    expect(kernelBehindShuffle({ shape: wide, data }, 2)).toEqual(kernel);
    for (const at of [0, data.findIndex((value) => value !== 0)]) {
      const changed = Float32Array.from(data, (value, i) => (i === at ? value + 1 : value));
      expect(kernelBehindShuffle({ shape: wide, data: changed }, 2)).toBeUndefined();
    }
    expect(kernelBehindShuffle({ shape: [10, 8, 3, 3], data: data.slice(0, 720) }, 2)).toBeUndefined();
  });
});
