import { describe, expect, it } from "vitest";
import { floats, number, tensor } from "../../../../test/support/engine.js";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { liveNodes } from "../../../core/src/graph/index.js";
import { flatSize } from "../../../core/src/model/flat.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { relativeError } from "../../src/parity/compare.js";
import { learnedShapes, type TeacherRole } from "../../src/training/learners.js";
import { type StepOptions, trainingStep } from "../../src/training/step.js";
import { contrastive, type Feeds, inspected, stepFeeds, stepOptions } from "./batches.js";

const network = edsr(2, { features: 8, blocks: 1 });
const options = (teacher: TeacherRole, more: Partial<StepOptions> = {}) =>
  stepOptions(network, { model: modelOf(network, 3), teacher, distillation: true, ...more });

function feedsFor(step: ReturnType<typeof options>): Feeds {
  const size = flatSize(learnedShapes(step));
  const vector = () => float32(new Float32Array(size), [size]);
  const parameters = float32(new Random(9).floats(size, -0.2, 0.2), [size]);
  return { ...stepFeeds(step), parameters, first: vector(), second: vector() };
}

describe("a step with kept outputs", () => {
  it.each<[string, Partial<StepOptions>]>([
    ["distillation", {}],
    ["contrastive loss", { distillation: false, contrastive: contrastive() }],
    ["both, of two students", { widths: [0.5, 0.25], contrastive: contrastive() }],
  ])("is that of the frozen teacher that gave them, which isn't run: %s", async (_, more) => {
    const step = options("frozen", more);
    const feeds = feedsFor(step);
    const computed = await inspected(step, feeds);
    const { teacher } = computed;
    expect(teacher).toBeDefined();
    const kept = { ...step, keptOutputs: true };
    const given = await inspected(kept, { ...feeds, output: teacher as NonNullable<typeof teacher> });
    for (const name of Object.keys(computed).filter((key) => key !== "teacher")) {
      expect(relativeError(floats(given, name), floats(computed, name)), name).toBeLessThan(1e-5);
    }
    const convolutions = (graph: StepOptions) =>
      liveNodes(trainingStep(graph)).filter(({ operator }) => operator.name === "Conv").length;
    expect(convolutions(kept)).toBe(convolutions(step) - 6);
    // What is learnt is what was given.
    const other = tensor(teacher?.shape ?? [], (i) => (teacher?.data[i] as number) + 5 * (i % 2));
    const changed = await inspected(kept, { ...feeds, output: other });
    expect(relativeError(floats(changed, "gradient"), floats(given, "gradient"))).toBeGreaterThan(1e-2);
  });

  it.each(["shared", "anchored"] as const)("is learnt in place of a teacher that is %s", async (role) => {
    const step = options(role, { keptOutputs: true });
    const feeds = feedsFor(step);
    const hr = feeds.hr as NonNullable<typeof feeds.hr>;
    const outputs = await inspected(step, { ...feeds, output: hr });
    expect(number(outputs, "distillation.0")).toBe(number(outputs, "l1_student.0"));
    expect(number(outputs, "l1_teacher")).toBeGreaterThan(0);
  });
});
