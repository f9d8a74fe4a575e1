import { describe, expect, it } from "vitest";
import { Graph, type Value } from "../../src/graph/index.js";
import { findSizeRule } from "../../src/model/sizes.js";
import {
  concat,
  conv,
  maxPool,
  pixelShuffle,
  pixelUnshuffle,
  reshape,
  resizeTo,
  shapeOf,
  transpose,
} from "../../src/operators/index.js";

function rule(build: (x: Value) => Value, side = 16) {
  const graph = new Graph("test");
  const x = graph.input("x", [1, 4, side, side]);
  graph.output("y", build(x));
  return findSizeRule(graph, x);
}

describe("the sizes that a network takes", () => {
  it("are all where nothing says otherwise", () => {
    expect(rule((x) => pixelShuffle(x, 2))).toEqual({ minimum: 1, multipleOf: 1 });
  });

  it.each([2, 3, 8, 64])("are multiples of %i where the image is folded so", (factor) => {
    const folded = (x: Value) => pixelShuffle(pixelUnshuffle(x, factor), factor);
    expect(rule(folded, 2 * factor)).toEqual({ minimum: factor, multipleOf: factor });
  });

  it("are those whose output is so many times as large: halves, enlarged again, lose odd rows", () => {
    const halved = (x: Value) =>
      pixelShuffle(
        concat(
          [1, 2, 3, 4].map(() => maxPool(x, [2, 2], { strides: [2, 2] }).output),
          1,
        ),
        2,
      );
    expect(rule(halved)).toEqual({ minimum: 2, multipleOf: 2 });
  });

  it("begin where windows fit", () => {
    const pooled = (x: Value) => {
      const { output } = maxPool(
        conv(x, x.graph.constant(new Float32Array(4 * 4 * 9), [4, 4, 3, 3]), undefined, { strides: [2, 2] }),
        [7, 7],
        { strides: [3, 3] },
      );
      return resizeTo(output, shapeOf(x));
    };
    expect(rule(pooled)).toEqual({ minimum: 15, multipleOf: 1 });
  });

  it("are one where the graph is written for it", () => {
    const written = (x: Value) => reshape(transpose(reshape(x, [1, 4, 256]), [0, 2, 1]), [1, 4, 16, 16]);
    expect(rule(written)).toEqual({ minimum: 1, multipleOf: 1, fixed: { width: 16, height: 16 } });
  });
});
