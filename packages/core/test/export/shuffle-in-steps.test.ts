import { describe, expect, it } from "vitest";
import { floats, tensor } from "../../../../test/support/engine.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { shuffleInSteps } from "../../src/export/shuffle-in-steps.js";
import { Graph, liveNodes } from "../../src/graph/index.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { depthToSpace, pixelShuffle } from "../../src/operators/index.js";

/** A pixel shuffle of `images` images. */
function shuffle(r: number, channels: number, images = 1): Graph {
  const graph = new Graph("shuffle");
  graph.output("y", pixelShuffle(graph.input("x", [images, channels * r * r, 8, 8]), r));
  return graph;
}

const operatorsOf = (graph: Graph): string[] => liveNodes(graph).map(({ operator }) => operator.name);

describe("a pixel shuffle in steps", () => {
  it.each([
    { r: 2, channels: 3 },
    { r: 3, channels: 1 },
    { r: 4, channels: 5 },
  ])("of $r and $channels channels makes the same of images of any size", async ({ r, channels }) => {
    const [whole, steps] = [shuffle(r, channels), shuffleInSteps(shuffle(r, channels))];
    expect(operatorsOf(steps)).not.toContain("DepthToSpace");
    const dynamicAxes = { x: { 2: "height", 3: "width" }, y: { 2: "rows", 3: "columns" } };
    const sessions = await Promise.all(
      [whole, steps].map((graph) => createSession(writeOnnx(graph, { dynamicAxes }), { threads: 1 })),
    );
    for (const [height, width] of [
      [8, 8],
      [1, 1],
      [5, 7],
      [7, 1],
    ] as const) {
      const x = tensor([1, channels * r * r, height, width], (i) => i);
      const [expected, made] = await Promise.all(sessions.map((session) => session.run({ x })));
      expect(made?.outputs.y?.shape).toEqual([1, channels, height * r, width * r]);
      expect(floats(made?.outputs ?? {}, "y")).toEqual(floats(expected?.outputs ?? {}, "y"));
    }
    for (const session of sessions) await session.close();
  });

  it("leaves those of several images, and other orders of sub-pixels", () => {
    expect(operatorsOf(shuffleInSteps(shuffle(2, 3, 2)))).toEqual(["DepthToSpace"]);
    const graph = new Graph("columns");
    graph.output("y", depthToSpace(graph.input("x", [1, 12, 8, 8]), 2));
    expect(operatorsOf(shuffleInSteps(graph))).toEqual(["DepthToSpace"]);
  });
});
