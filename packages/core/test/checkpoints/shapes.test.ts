import { describe, expect, it } from "vitest";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { widthOf } from "../../src/checkpoints/shapes.js";
import { narrowed } from "../../src/model/split.js";
import type { NetworkOptions } from "../../src/networks/index.js";

const stateAt = (network: NetworkOptions, width: number) => {
  const parameters = narrowed(modelOf(network), width).parameters;
  return new Map([...parameters].map(([name, tensor]) => [name, { dtype: "float32" as const, ...tensor }]));
};

describe("the width of parameters", () => {
  it.each([edsr(4, { features: 64 }), rcan(2, { features: 64, reduction: 16 }), carn(3, { features: 64 })])(
    "is that of the split: $architecture",
    (network) => {
      for (const width of [1, 0.75, 0.5, 0.35, 0.25]) expect(widthOf(network, stateAt(network, width))).toBe(width);
    },
  );

  it("is the mean share where layers differ", () => {
    const network = edsr(2, { features: 8, blocks: 2 });
    const [half, state] = [stateAt(network, 0.5), stateAt(network, 1)];
    // One block's inner channels are 4 of 8; the stream, the other block's and the upsampler's are whole: 28 of 32.
    for (const name of ["body.0.conv1.weight", "body.0.conv1.bias", "body.0.conv2.weight"]) {
      const tensor = half.get(name);
      if (tensor) state.set(name, tensor);
    }
    expect(widthOf(network, state)).toBe(0.875);
  });
});
