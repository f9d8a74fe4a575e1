import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { foldConstants } from "../../src/export/fold.js";
import { exampleOf } from "../../src/export/onnx.js";
import { elements, Graph, liveNodes, type Shape, type Value } from "../../src/graph/index.js";
import { importedModel } from "../../src/model/imported.js";
import { instantiate } from "../../src/model/model.js";
import { Conv, conv, relu } from "../../src/operators/index.js";
import { composeLinearPart } from "../../src/quantisation/composed-linear-part.js";
import { convolveImageItself } from "../../src/quantisation/image-levels.js";
import { splitLinearPart } from "../../src/quantisation/linear-part.js";
import { planQuantisation } from "../../src/quantisation/plan.js";

/** Networks that are to be the same on an image of the shape. */
async function expectEqualOn(shape: Shape, graphs: readonly Graph[]): Promise<void> {
  const outputs = await Promise.all(
    graphs.map(async (graph) => {
      const image = new Random(3).floats(elements(shape), 0, 255);
      const whole = float32(image.map(Math.round), shape);
      const names = { input: "x", output: "y" };
      return floats(await evaluate(instantiate(importedModel(graph), shape, names), { x: whole }), "y");
    }),
  );
  const [a, b] = outputs as [Float32Array, Float32Array];
  const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of a.entries()) expect(Math.abs(value - (b[i] as number))).toBeLessThan(largest * 1e-5);
}

const convolutionsOf = (graph: Graph) => liveNodes(graph).filter(({ operator }) => operator === Conv);

/** One with no path that is linear. */
function straightNetwork(): Graph {
  const graph = new Graph("network");
  const layer = (x: Value, filters: number) => {
    const shape = [filters, x.shape[1] as number, 3, 3];
    return conv(x, graph.constant(new Float32Array(elements(shape)), shape), undefined, { pads: [1, 1, 1, 1] });
  };
  graph.output("y", layer(relu(layer(layer(graph.input("x", [1, 3, 9, 9]), 8), 8)), 3));
  return graph;
}

describe("composeLinearPart", () => {
  it.each([
    ["EDSR ×2", modelOf(edsr(2)), 3],
    ["RCAN ×3", modelOf(rcan(3)), 3],
  ])("keeps what %s computes up to the border, with fewer operations", async (_, model, least) => {
    const split = splitLinearPart(foldConstants(exampleOf(model)));
    const made = composeLinearPart(split);
    expect(made.least).toBe(least);
    // One of the image's channels, and both on four strips.
    expect(convolutionsOf(made.graph)).toHaveLength(convolutionsOf(split).length + 8);
    for (const [height, width] of [
      [17, 24],
      [least, 11],
      [9, least],
      [least, least],
    ]) {
      await expectEqualOn([2, 3, height as number, width as number], [split, made.graph]);
    }
  });

  it("leaves features alone that only the rest is made of", () => {
    const graph = straightNetwork();
    expect(composeLinearPart(graph)).toEqual({ graph, least: 1 });
  });
});

describe("convolveImageItself", () => {
  it("takes a colour off by a plane beside the image, to the border", async () => {
    const graph = composeLinearPart(splitLinearPart(foldConstants(exampleOf(modelOf(edsr(2)))))).graph;
    const made = convolveImageItself(graph, 255);
    const read = liveNodes(made).filter(({ operator, inputs }) => operator === Conv && inputs[0]?.shape[1] === 4);
    expect(read).toHaveLength(1);
    await expectEqualOn([1, 3, 13, 16], [graph, made]);
    const [head] = read as [(typeof read)[number]];
    expect(planQuantisation(made).arithmetic(head)).toBe("float");
    const { arithmetic, levels } = planQuantisation(made, { inLevels: true });
    expect(arithmetic(head)).toBe("integer");
    expect([...levels]).toEqual([head.inputs[0]]);
  });

  it("takes other colours, which a convolution of pixels makes, for the image's", async () => {
    const random = new Random(5);
    const graph = new Graph("network");
    const layer = (x: Value, filters: number, side: number) => {
      const shape = [filters, x.shape[1] as number, side, side];
      const weight = graph.constant(random.floats(elements(shape)), shape);
      const border = (side - 1) / 2;
      return conv(x, weight, graph.constant(random.floats(filters, -90, 90), [filters]), {
        pads: [border, border, border, border],
      });
    };
    graph.output("y", layer(relu(layer(layer(graph.input("x", [1, 3, 9, 9]), 2, 1), 8, 3)), 3, 3));
    const made = convolveImageItself(graph, 255);
    expect(convolutionsOf(made).map(({ inputs }) => inputs[0]?.shape[1])).toEqual([4, 8]);
    await expectEqualOn([1, 3, 13, 16], [graph, made]);
    expect(planQuantisation(made, { inLevels: true }).levels.size).toBe(1);
  });

  it("leaves a network alone that reads the image itself", () => {
    const graph = straightNetwork();
    expect(convolveImageItself(graph, 255)).toBe(graph);
  });
});
