import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { foldBranches } from "../../src/checkpoints/branches.js";
import type { StateDict, StateTensor } from "../../src/checkpoints/state.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { add, conv } from "../../src/operators/index.js";
import { stateTensor } from "./support.js";

const random = new Random(3);
const values = (shape: number[]): StateTensor => stateTensor(shape, () => random.floats(1, -1, 1)[0] as number);

/** SPAN's block of 4 channels to 5, twice as many within. */
function trained(): StateDict {
  const state: StateDict = new Map();
  const shapes = { sk: [5, 4, 1, 1], "conv.0": [8, 4, 1, 1], "conv.1": [10, 8, 3, 3], "conv.2": [5, 10, 1, 1] };
  for (const [layer, shape] of Object.entries(shapes)) {
    state.set(`a.${layer}.weight`, values(shape)).set(`a.${layer}.bias`, values([shape[0] as number]));
  }
  return state.set("a.eval_conv.weight", values([5, 4, 3, 3])).set("a.eval_conv.bias", values([5]));
}

describe("branches that are trained in place of a convolution", () => {
  it("become one that computes the same, at borders too, whatever the file has for it", async () => {
    const state = trained();
    const folded = foldBranches(state, "x.pth");
    expect([...folded.keys()]).toEqual(["a.eval_conv.weight", "a.eval_conv.bias"]);
    const graph = new Graph("branches");
    const x = graph.input("x", [1, 4, 6, 5]);
    const apply = (from: StateDict, layer: string, y: Value, pad = 0) => {
      const [weight, bias] = ["weight", "bias"].map((name) => {
        const { data, shape } = from.get(`a.${layer}.${name}`) as StateTensor;
        return graph.constant(data, shape);
      }) as [Value, Value];
      return conv(y, weight, bias, { pads: [pad, pad, pad, pad] });
    };
    // The code pads the image, so that the first convolution's bias is at the border as well.
    const padded = graph.input("padded", [1, 4, 8, 7]);
    const chain = apply(state, "conv.2", apply(state, "conv.1", apply(state, "conv.0", padded)));
    graph.output("branches", add(chain, apply(state, "sk", x)));
    graph.output("one", apply(folded, "eval_conv", x, 1));
    const image = random.floats(4 * 30, -1, 1);
    const around = tensor([1, 4, 8, 7], (i) => {
      const [c, y, x] = [Math.floor(i / 56), Math.floor((i % 56) / 7) - 1, (i % 7) - 1];
      return y < 0 || y > 5 || x < 0 || x > 4 ? 0 : (image[c * 30 + y * 5 + x] as number);
    });
    const outputs = await evaluate(graph, { x: tensor([1, 4, 6, 5], image), padded: around });
    const [branches, one] = [floats(outputs, "branches"), floats(outputs, "one")];
    branches.forEach((value, i) => {
      expect(one[i]).toBeCloseTo(value, 4);
    });
  });

  it("are left where there are others beside, and refused where they don't fit", () => {
    const partial = trained();
    partial.delete("a.conv.1.bias");
    expect(foldBranches(partial, "x.pth")).toEqual(partial);
    const bad = trained().set("a.conv.1.weight", values([10, 7, 3, 3]));
    expect(() => foldBranches(bad, "bad.pth")).toThrow(
      "bad.pth: the branches of a, 8×4×1×1, 10×7×3×3, 5×10×1×1, 5×4×1×1, make no convolution of 3×3",
    );
  });
});
