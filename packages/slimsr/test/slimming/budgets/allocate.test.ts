import { describe, expect, it } from "vitest";
import { randomPatches, smallModel, smallNetworks } from "../../../../../test/support/small-networks.js";
import { NetworkError } from "../../../../core/src/errors.js";
import { modelCost } from "../../../../core/src/model/cost.js";
import { channelAnalysis } from "../../../../core/src/model/model.js";
import { alignTeacher, slimTeacher } from "../../../src/slimming/aligned-teacher.js";
import { allocate } from "../../../src/slimming/budgets/allocate.js";
import { costModel } from "../../../src/slimming/budgets/student-cost.js";

describe("budgets", () => {
  for (const options of smallNetworks(2, 24)) {
    const variant = options.architecture === "carn" ? ` ${options.variant}` : "";
    it(`counts a slimmed ${options.architecture}${variant}'s cost as its weights do`, async () => {
      const model = smallModel(options);
      const counts = channelAnalysis(model).groups.map(({ size }, g) => Math.max(1, size - 3 - (g % 5)));
      const teacher = { model, losses: [], moments: new Map(), difference: 0 };
      const student = await slimTeacher(teacher, counts, randomPatches(1), false);
      const { parameters, macs } = modelCost(student);
      const cost = costModel(model)(counts);
      expect(cost.parameters).toBe(parameters);
      expect(cost.macs / macs).toBeCloseTo(1, 9);
    });
  }

  it("choose counts that fit, in multiples of 8 or uniformly", { timeout: 180_000 }, async () => {
    const [options] = smallNetworks(2, 32) as [ReturnType<typeof smallNetworks>[number]];
    const model = smallModel(options);
    const patches = randomPatches(6);
    const measuring = randomPatches(3, 12, 9);
    const teacher = await alignTeacher(model, patches, "balanced");
    const costOf = costModel(model);
    const full = costOf(channelAnalysis(model).groups.map(({ size }) => size));
    for (const figure of ["parameters", "macs"] as const) {
      const counts = await allocate(teacher, { of: figure, share: 0.4 }, patches, measuring);
      expect(costOf(counts)[figure]).toBeLessThanOrEqual(0.4 * full[figure]);
      expect(costOf(counts)[figure]).toBeGreaterThan(0.2 * full[figure]);
      expect(counts.every((count) => count % 8 === 0) || new Set(counts).size === 1).toBe(true);
    }
    await expect(allocate(teacher, { of: "macs", share: 1e-5 }, patches, measuring)).rejects.toThrow(NetworkError);
  });
});
