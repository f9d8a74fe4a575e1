import { describe, expect, it } from "vitest";
import { floats, number } from "../../../../test/support/engine.js";
import { carn, edsr, randomParameters, rcan } from "../../../../test/support/networks.js";
import { UsageError } from "../../../core/src/errors.js";
import { Graph } from "../../../core/src/graph/index.js";
import { flatSize, packParameters, unpackParameters } from "../../../core/src/model/flat.js";
import { networkModel } from "../../../core/src/model/model.js";
import { materialise, splitChannels } from "../../../core/src/model/split.js";
import { parameterShapes } from "../../../core/src/networks/index.js";
import { csdLoss } from "../../../core/src/objectives/csd.js";
import { float32, scalar } from "../../../upscaler/src/engine/session.js";
import { relativeError } from "../../src/parity/compare.js";
import { learnedShapes, matricesOf, ownParameters, studentOf } from "../../src/training/learners.js";
import { contrastive, type Feeds, inspected, type NetworkStep, stepFeeds, stepOptions } from "./batches.js";

/** What the shared step starts from, as students of their own. */
function ownFeeds(own: NetworkStep, feeds: Feeds): Feeds {
  const whole = unpackParameters(feeds.parameters?.data as Float32Array, parameterShapes(own.network));
  const students = own.widths.map(
    (width) => [width, materialise(whole, splitChannels(own.model, width, own.split))] as const,
  );
  const vector = packParameters(ownParameters(new Map(students)), learnedShapes(own));
  const zeros = () => float32(new Float32Array(vector.length), [vector.length]);
  return { ...feeds, parameters: float32(vector, [vector.length]), first: zeros(), second: zeros() };
}

describe("students with weights of their own", () => {
  it.each([
    ["EDSR", edsr(2)],
    ["RCAN", rcan(4)],
    ["CARN", carn(3)],
  ])("get from a frozen teacher the gradient that shared slices get without λ_T: %s", async (_, network) => {
    const shared = stepOptions(network, { widths: [0.5, 0.25], contrastive: contrastive() });
    const feeds = { ...stepFeeds(shared), teacher_weight: scalar(0) } as Feeds;
    const teacher = unpackParameters(feeds.parameters?.data as Float32Array, parameterShapes(network));
    const own: NetworkStep = { ...shared, model: networkModel(network, teacher), teacher: "frozen" };
    const [whole, alone] = [await inspected(shared, feeds), await inspected(own, ownFeeds(own, feeds))];
    expect(number(alone, "loss") / number(whole, "loss")).toBeCloseTo(1, 5);
    expect(relativeError(floats(alone, "teacher"), floats(whole, "teacher"))).toBeLessThan(1e-6);
    const gradients = unpackParameters(floats(alone, "gradient"), learnedShapes(own));
    // A weight that both students have gets the sum of their gradients when it is shared.
    const expected = unpackParameters(floats(whole, "gradient"), parameterShapes(network));
    const sum = new Map(
      [...expected].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
    );
    for (const width of own.widths) {
      const student = studentOf(own, gradients, width).parameters;
      const kept = splitChannels(own.model, width, own.split);
      // Where each of the student's elements lies in the whole.
      const indices = materialise(
        new Map([...sum].map(([name, { shape, data }]) => [name, { shape, data: data.map((__, i) => i) }])),
        kept,
      );
      for (const [name, { data }] of student) {
        const into = sum.get(name)?.data as Float32Array;
        indices.get(name)?.data.forEach((at, i) => {
          into[at] = (into[at] as number) + (data[i] as number);
        });
      }
    }
    expect(relativeError(packParameters(sum, parameterShapes(network)), floats(whole, "gradient"))).toBeLessThan(1e-4);
  });

  it("learn from the truth alone without a teacher", async () => {
    const own = stepOptions(edsr(2), { widths: [0.5], teacher: "none" });
    const outputs = await inspected(own, ownFeeds(own, stepFeeds(own)));
    expect(Object.keys(outputs)).not.toContain("l1_teacher");
    expect(Object.keys(outputs)).not.toContain("teacher");
    expect(number(outputs, "loss")).toBeCloseTo(number(outputs, "l1_student.0"), 5);
  });

  it("learn the teacher's output by a term whose weight is an input", async () => {
    const network = edsr(2);
    const own = stepOptions(network, { teacher: "frozen", distillation: true }, randomParameters(network, 3));
    const feeds = ownFeeds(own, stepFeeds(own));
    const at = (weight: number) => inspected(own, { ...feeds, distillation_weight: scalar(weight) });
    const [none, some] = [await at(0), await at(1.5)];
    const [student, teacher] = [floats(some, "student.0"), floats(some, "teacher")];
    const mean = student.reduce((sum, value, i) => sum + Math.abs(value - (teacher[i] as number)), 0) / student.length;
    expect(number(some, "distillation.0") / mean).toBeCloseTo(1, 4);
    expect(number(some, "loss")).toBeCloseTo(number(some, "l1_student.0") + 1.5 * mean, 2);
    expect(number(none, "loss")).toBeCloseTo(number(none, "l1_student.0"), 5);
    expect(relativeError(floats(none, "gradient"), floats(some, "gradient"))).toBeGreaterThan(0.1);
  });

  it("are in one vector, each under its width", () => {
    const own = stepOptions(edsr(2, { features: 8, blocks: 1 }), { widths: [0.5, 0.25], teacher: "none" });
    const shapes = learnedShapes(own);
    expect(shapes.get("w0.5/head.weight")).toEqual([4, 3, 3, 3]);
    expect(shapes.get("w0.25/head.weight")).toEqual([2, 3, 3, 3]);
    const sizes = own.widths.map((width) => flatSize(learnedShapes({ ...own, widths: [width] })));
    expect(flatSize(shapes)).toBe((sizes[0] as number) + (sizes[1] as number));
  });
});

it("a term that needs a teacher says so where there is none", () => {
  const graph = new Graph("loss");
  const image = graph.input("image", [1, 3, 4, 4]);
  const distillationWeight = graph.input("weight", []);
  const build = () => csdLoss({ hr: image, students: [image], distillationWeight });
  expect(build).toThrow(UsageError);
  expect(build).toThrow("need a teacher");
});

describe("what Muon moves", () => {
  const network = edsr(2, { features: 8, blocks: 1 });
  const hidden = ["body.0.conv1.weight", "body.0.conv2.weight", "body_conv.weight", "upsampler.blocks.0.weight"];

  it("comes first among what is learned, matrices of one shape together", () => {
    const shared = stepOptions(network, { optimiser: "muon" });
    const names = [...learnedShapes(shared).keys()];
    expect(names.slice(0, 4)).toEqual(hidden);
    expect(names.toSorted()).toEqual([...parameterShapes(network).keys()].toSorted());
    expect(matricesOf(shared)).toEqual([
      { count: 3, rows: 8, columns: 72 },
      { count: 1, rows: 32, columns: 72 },
    ]);
    expect([...learnedShapes(stepOptions(network)).keys()]).toEqual([...parameterShapes(network).keys()]);
    expect(matricesOf(stepOptions(network))).toEqual([]);
  });

  it("is each student's own where students have weights of their own", () => {
    const own = stepOptions(network, { optimiser: "muon", widths: [0.5, 0.25], teacher: "frozen" });
    const names = [...learnedShapes(own).keys()];
    expect(names.slice(0, 4)).toEqual([...hidden.slice(0, 3).map((name) => `w0.5/${name}`), `w0.5/${hidden[3]}`]);
    expect(matricesOf(own).map(({ count }) => count)).toEqual([3, 1, 3, 1]);
  });

  it("takes steps of one size whatever its gradient's, and the others Adam's", async () => {
    const step = stepOptions(network, { optimiser: "muon", teacher: "none", widths: [1] });
    const feeds = ownFeeds(step, stepFeeds(step));
    const outputs = await inspected(step, feeds);
    const before = unpackParameters(feeds.parameters?.data as Float32Array, learnedShapes(step));
    const after = unpackParameters(floats(outputs, "new_parameters"), learnedShapes(step));
    const sizeOf = (name: string) => {
      const [from, to] = [before.get(name), after.get(name)].map((each) => each?.data as Float32Array);
      const moved = (to as Float32Array).map((value, i) => value - ((from as Float32Array)[i] as number));
      return Math.hypot(...moved) / Math.sqrt(moved.length) / 1e-3;
    };
    for (const name of hidden) {
      expect(sizeOf(`w1/${name}`)).toBeGreaterThan(0.12);
      expect(sizeOf(`w1/${name}`)).toBeLessThan(0.25);
    }
    expect(sizeOf("w1/tail.weight")).toBeCloseTo(1, 2);
  });
});
