import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { outputOf, randomParameters, randomPatches, rootMeanSquare } from "../../../../test/support/small-networks.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel, writeModel } from "../../src/formats/model-file.js";
import { elements, Graph, type Value } from "../../src/graph/index.js";
import { importedModel } from "../../src/model/imported.js";
import { channelAnalysis, type Model, networkModel } from "../../src/model/model.js";
import { untied } from "../../src/model/untied.js";
import type { NetworkOptions } from "../../src/networks/index.js";
import { add, conv, mul, pixelShuffle, prelu, relu } from "../../src/operators/index.js";

/** A recursive network: one convolution and one slope are used three times, one bias by two convolutions. */
function recursive(): Model {
  const graph = new Graph("recursive");
  const r = new Random(4);
  const constant = (name: string, shape: number[]) =>
    graph.constant(r.floats(elements(shape), -0.4, 0.4), shape, { name });
  const [weight, bias, slope] = [constant("b.weight", [8, 8, 3, 3]), constant("b.bias", [8]), constant("p", [8, 1, 1])];
  const pads = [1, 1, 1, 1];
  let x: Value = mul(graph.input("image", [1, 3, 8, 8]), 1 / 255);
  x = conv(x, constant("a.weight", [8, 3, 3, 3]), bias, { pads });
  for (let i = 0; i < 3; i++) x = add(mul(relu(conv(prelu(x, slope), weight, bias, { pads })), 0.5), x);
  graph.output("result", pixelShuffle(conv(x, constant("c.weight", [12, 8, 3, 3]), undefined, { pads }), 2));
  return importedModel(graph);
}

describe("a network whose layers share parameters", () => {
  it("is the same network with parameters of its own for each", async () => {
    const model = recursive();
    const own = untied(model);
    const names = ["a.weight", "b.bias", "b.bias#2", "b.bias#3", "b.bias#4", "b.weight", "b.weight#2", "b.weight#3"];
    expect([...own.parameters.keys()].sort()).toEqual([...names, "c.weight", "p", "p#2", "p#3"]);
    expect(own.parameters.get("b.weight#3")?.data).toEqual(model.parameters.get("b.weight")?.data);
    expect(own.descriptor).toEqual(model.descriptor);
    const patches = randomPatches(1);
    expect(await outputOf(own, patches)).toEqual(await outputOf(model, patches));
    // The stream and, within it, what each convolution writes are no longer one.
    expect(channelAnalysis(model).groups).toHaveLength(1);
    expect(untied(own)).toBe(own);
  });

  it("of those built here is a graph of its own, which files hold", () => {
    const options: NetworkOptions = {
      architecture: "carn-m",
      groups: 4,
      scale: 2,
      features: 8,
      range: 1,
      mean: [114, 111, 103],
    };
    const own = untied(networkModel(options, randomParameters(options)));
    expect(own.descriptor.origin.kind).toBe("onnx");
    for (const file of ["carn-m.safetensors", "carn-m.onnx"]) {
      expect([...readModel(writeModel(own, file), file).parameters.keys()]).toContain(
        "body.units.0.block.conv1.weight#2",
      );
    }
  });

  it("is exported, what is folded into each use written for it", async () => {
    const model = recursive();
    const patches = randomPatches(1);
    const ideal = await outputOf(model, patches);
    const session = await createSession(exportModel(model));
    const { outputs } = await session.run({ image: float32(patches.data, [1, 3, 12, 12]) });
    await session.close();
    expect(rootMeanSquare(Object.values(outputs)[0]?.data as Float32Array, ideal)).toBeLessThan(
      1e-5 * rootMeanSquare(ideal),
    );
  });
});
