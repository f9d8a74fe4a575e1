import { describe, expect, it } from "vitest";
import type { Value } from "../../src/graph/index.js";
import { concat, conv, convTranspose, gather, mul, relu, slice, split } from "../../src/operators/index.js";
import { Builder, show } from "./channel-graphs.js";

describe("channels that are selected", () => {
  it("by a split are groups of their own, told from each other", () => {
    const b = new Builder();
    const [first, rest] = split(b.conv("a", b.image, 8), [2, 6], 1) as [Value, Value];
    const analysis = b.analyse(b.conv("c", concat([b.conv("d", relu(first), 4), rest], 1), 3));
    expect(analysis.groups.map(({ size, freedom }) => [size, freedom])).toEqual([
      [2, "scaling"],
      [6, "linear"],
      [4, "linear"],
    ]);
    expect(b.units(analysis, "a", 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(b.units(analysis, "c", 1)).toEqual([8, 9, 10, 11, 2, 3, 4, 5, 6, 7]);
  });

  it("stay where a slimmed network's parameters would not tell how many of each there are", () => {
    const b = new Builder();
    const [first, rest] = split(b.conv("a", b.image, 8), [2, 6], 1) as [Value, Value];
    const { groups, pins } = b.analyse(b.conv("c", concat([relu(first), rest], 1), 3));
    expect(groups).toEqual([]);
    expect(pins[0]?.reason).toMatch(/^Split \(output Split_1\): parameters don't tell how many/);
  });

  it("by a slice or a gather keep their units, in whatever order", () => {
    const b = new Builder();
    const x = b.conv("a", b.image, 6);
    const shuffled = gather(x, b.graph.integers([0, 3, 1, 4, 2, 5]), 1);
    const front = b.conv("d", slice(shuffled, [{ axis: 1, start: 0, end: 2 }]), 1);
    const analysis = b.analyse(b.conv("c", mul(shuffled, front), 3));
    expect(b.units(analysis, "a", 0)).toEqual([0, 2, 3, 1, 4, 5]);
    expect(b.units(analysis, "c", 1)).toEqual([0, 1, 2, 4, 3, 5]);
    expect(b.units(analysis, "d", 1)).toEqual([0, 1]);
    expect(analysis.groups.map(({ size }) => size)).toEqual([2, 4]);
  });

  it("of rows and columns are all of them", () => {
    const b = new Builder();
    const x = slice(b.conv("a", b.image, 4), [{ axis: 2, start: 0, end: 2 }]);
    const analysis = b.analyse(b.conv("c", concat([x, x], 2), 3));
    expect(show(analysis)).toEqual([["a:0", "c:1"]]);
  });
});

describe("convolutions in groups", () => {
  it("tie the channels at the same place of each group", () => {
    const b = new Builder();
    const x = b.conv("a", b.image, 8);
    const y = conv(x, b.graph.input("g", [4, 4, 1, 1]), undefined, { group: 2 });
    const analysis = b.analyse(b.conv("c", y, 3));
    expect(b.units(analysis, "a", 0)).toEqual([0, 1, 2, 3, 0, 1, 2, 3]);
    expect(b.units(analysis, "g", 1)).toEqual([0, 1, 2, 3]);
    expect(b.units(analysis, "g", 0)).toEqual([4, 5, 4, 5]);
    expect(analysis.groups.map(({ size, freedom }) => [size, freedom])).toEqual([
      [4, "linear"],
      [2, "linear"],
    ]);
  });

  it("of one channel each act on it by itself, whatever they make of it", () => {
    const b = new Builder();
    const x = b.conv("a", b.image, 4);
    const y = conv(x, b.graph.input("g", [8, 1, 3, 3]), undefined, { group: 4, pads: [1, 1, 1, 1] });
    const analysis = b.analyse(b.conv("c", y, 3));
    expect(b.units(analysis, "g", 0)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(b.units(analysis, "c", 1)).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(analysis.groups.map(({ size, freedom }) => [size, freedom])).toEqual([[4, "permutation"]]);
  });

  it("that are transposed have their axes the other way round", () => {
    const b = new Builder();
    const x = b.conv("a", b.image, 4);
    const y = convTranspose(x, b.graph.input("t", [4, 6, 2, 2]), { strides: [2, 2] });
    const analysis = b.analyse(b.conv("c", relu(y), 3));
    expect(show(analysis)).toEqual([
      ["a:0", "t:0"],
      ["c:1", "t:1"],
    ]);
  });
});
