import { performance } from "node:perf_hooks";
import { expect, it, vi } from "vitest";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { PatchSampler } from "../../src/datasets/patch-sampler.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import { startingPoint } from "../../src/runs/start.js";
import { silent } from "../../src/stage.js";
import { renderTable } from "../../src/text/table.js";
import { photographs, temporaryFolder } from "../datasets/folders.js";

vi.setConfig({ testTimeout: 60_000 });

it("a hundred and fifty thousand images are sampled, calibrated on and listed", async () => {
  const set = await openDataset(await photographs(), { scale: 2, cacheDirectory: await temporaryFolder() });
  const pairs = Array.from({ length: 150_000 }, (_, i) => {
    const pair = set.pairs[i % set.pairs.length] as (typeof set.pairs)[number];
    return { ...pair, name: `${i}` };
  });
  const many = { ...set, pairs };
  const begun = performance.now();
  const sampler = new PatchSampler(many, { side: 12, batch: 2, seed: 0 });
  expect((await sampler.batch(0)).lr).toHaveLength(2 * 3 * 12 * 12);
  await sampler.close();
  const teacher = modelOf(edsr(2, { features: 8, blocks: 1 }));
  const settings = resolveSettings(
    { teacher: "x", train: "x", val: "x", method: "kd", calibrationPatches: 2 },
    "settings",
  );
  const options = { model: teacher, widths: [0.5], split: "aligned", teacher: "frozen" } as const;
  const network = { model: teacher, notes: [], isTeacher: true };
  const inputs = { options, limit: undefined, training: many, network };
  const { parameters } = await startingPoint(inputs, teacher, settings, { stage: silent });
  expect(parameters.size).toBeGreaterThan(0);
  const table = renderTable([{ title: "image", value: ({ name }: { name: string }) => name }], pairs, "text");
  expect(table.split("\n")).toHaveLength(150_002);
  // Work in the square of their number took minutes.
  expect(performance.now() - begun).toBeLessThan(20_000);
});
