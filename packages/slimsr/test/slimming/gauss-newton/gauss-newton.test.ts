import { describe, expect, it } from "vitest";
import { randomPatches, smallModel, smallNetworks } from "../../../../../test/support/small-networks.js";
import { Graph } from "../../../../core/src/graph/index.js";
import { importedModel } from "../../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../../core/src/model/model.js";
import { countsAtWidth } from "../../../../core/src/model/split.js";
import { type NetworkOptions, required } from "../../../../core/src/networks/index.js";
import { add, conv, relu } from "../../../../core/src/operators/index.js";
import { randomNumbers } from "../../../src/random.js";
import { alignTeacher, slimTeacher } from "../../../src/slimming/aligned-teacher.js";
import { errorAgainst } from "../../../src/slimming/budgets/output-error.js";
import { gaussNewton } from "../../../src/slimming/gauss-newton/gauss-newton.js";

const random = randomNumbers(3);
const uniform = (length: number, size = 1) => Float32Array.from({ length }, () => (2 * random() - 1) * size);

/** One convolution of 3×3 from colour to colour. */
function convolution(weight: Float32Array, bias?: Float32Array): Model {
  const graph = new Graph("convolution");
  const x = graph.input("image", [1, 3, 12, 12]);
  const place = graph.constant(weight, [3, 3, 3, 3], { name: "conv.weight" });
  const constant = bias && graph.constant(bias, [3], { name: "conv.bias" });
  graph.output("result", conv(x, place, constant, { pads: [1, 1, 1, 1] }));
  return importedModel(graph);
}

/** Depthwise, grouped, strided by nothing, of 1×1, and without biases: what layers are beside plain ones. */
function unlike(): Model {
  const graph = new Graph("unlike");
  const parameter = (name: string, shape: readonly number[]) => {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    const data = uniform(
      shape.reduce((a, b) => a * b, 1),
      Math.sqrt(3 / fan),
    );
    return graph.constant(data, shape, { name });
  };
  let x = conv(graph.input("image", [1, 3, 12, 12]), parameter("first.weight", [8, 3, 3, 3]), undefined, {
    pads: [1, 1, 1, 1],
  });
  const from = x;
  x = relu(conv(x, parameter("depthwise.weight", [8, 1, 5, 5]), undefined, { pads: [2, 2, 2, 2], group: 8 }));
  x = conv(x, parameter("pointwise.weight", [8, 8, 1, 1]), parameter("pointwise.bias", [8]));
  x = add(
    from,
    conv(x, parameter("grouped.weight", [8, 4, 3, 3]), parameter("grouped.bias", [8]), {
      pads: [1, 1, 1, 1],
      group: 2,
    }),
  );
  graph.output("result", conv(x, parameter("last.weight", [3, 8, 3, 3]), undefined, { pads: [1, 1, 1, 1] }));
  return importedModel(graph);
}

const nearby = (model: Model, share: number): Model => ({
  ...model,
  parameters: new Map(
    [...model.parameters].map(([name, { shape, data }]) => [
      name,
      { shape, data: Float32Array.from(data, (value) => value * (1 + share * (2 * random() - 1))) },
    ]),
  ),
});

const seen = (count: number) => ({ patches: randomPatches(count), unseen: randomPatches(8, 12, 4) });

describe("gaussNewton", () => {
  it("finds a convolution's weights, where least squares have one answer", async () => {
    const teacher = convolution(uniform(81), uniform(3, 20));
    const student = convolution(uniform(81), uniform(3, 20));
    const found = await gaussNewton(teacher, student, seen(20), { iterations: 12, batch: 8 });
    const [ideal, own] = [teacher, found].map(({ parameters }) => required(parameters, "conv.weight").data);
    own?.forEach((value, i) => {
      expect(value, `weight ${i}`).toBeCloseTo(ideal?.[i] as number, 3);
    });
    const errorOf = await errorAgainst(teacher, randomPatches(2, 12, 9));
    expect(await errorOf(found)).toBeLessThan(1e-6 * (await errorOf(student)));
  });

  it("brings depthwise, grouped and pointwise convolutions nearer, with biases and without", async () => {
    const teacher = unlike();
    const student = nearby(teacher, 0.3);
    const errorOf = await errorAgainst(teacher, randomPatches(4, 12, 9));
    const found = await gaussNewton(teacher, student, seen(12), { iterations: 8 });
    expect(await errorOf(found)).toBeLessThan(0.1 * (await errorOf(student)));
    for (const [name, { data }] of student.parameters) {
      expect(required(found.parameters, name).data, name).not.toEqual(data);
    }
  });

  it.each(smallNetworks(2, 16))("makes students of $architecture better than refitting them does", async (options) => {
    const model = smallModel(options);
    const [patches, unseen] = [randomPatches(24), randomPatches(4, 12, 9)];
    const teacher = await alignTeacher(model, patches, "balanced");
    const counts = countsAtWidth(channelAnalysis(model).groups, 0.5);
    const student = await slimTeacher(teacher, counts, patches, true);
    const errorOf = await errorAgainst(model, unseen);
    const done: number[] = [];
    const found = await gaussNewton(
      teacher.model,
      student,
      { patches, unseen: randomPatches(8, 12, 4) },
      {
        iterations: 3,
        onIteration: (count) => done.push(count),
      },
    );
    expect(await errorOf(found)).toBeLessThan(await errorOf(student));
    expect(done).toEqual([1, 2, 3]);
    for (const [name, { shape }] of student.parameters) expect(required(found.parameters, name).shape).toEqual(shape);
  });

  it("leaves a student as it is that is its teacher", async () => {
    const [options] = smallNetworks(2) as [NetworkOptions];
    const model = smallModel(options);
    const found = await gaussNewton(model, model, seen(3), { iterations: 2 });
    expect(found).toBe(model);
  });

  it("leaves a student as it is whose convolutions share their weights", async () => {
    const graph = new Graph("shared");
    const weight = graph.constant(uniform(81, 0.2), [3, 3, 3, 3], { name: "conv.weight" });
    const once = conv(graph.input("image", [1, 3, 12, 12]), weight, undefined, { pads: [1, 1, 1, 1] });
    graph.output("result", conv(relu(once), weight, undefined, { pads: [1, 1, 1, 1] }));
    const model = importedModel(graph);
    const student = nearby(model, 0.5);
    expect(await gaussNewton(model, student, seen(2), { iterations: 1 })).toBe(student);
  });

  it("ends where it is told to", async () => {
    const model = convolution(uniform(81));
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(gaussNewton(model, nearby(model, 0.5), seen(2), { iterations: 1, signal })).rejects.toThrow("enough");
  });
});
