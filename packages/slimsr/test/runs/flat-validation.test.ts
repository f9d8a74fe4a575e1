import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { edsr, randomParameters } from "../../../../test/support/networks.js";
import { noise } from "../../../../test/support/photographs.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { imageOf } from "../../../core/src/images/image.js";
import type { EdsrOptions } from "../../../core/src/networks/edsr/options.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import { compareRuns } from "../../src/runs/comparison.js";
import { compress } from "../../src/runs/compress.js";
import { type RunResult, readResult } from "../../src/runs/result.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { journalOf, temporaryFolder } from "../cli/runs.js";
import { place } from "../datasets/folders.js";

vi.setConfig({ testTimeout: 120_000 });

it("a run whose validation images are black is resumed, and its files can be read", async () => {
  const folder = await temporaryFolder();
  // Without a mean and with nothing in its last layer the network's image is black.
  const network: EdsrOptions = { ...edsr(2, { features: 8, blocks: 1 }), mean: [0, 0, 0] };
  const parameters = randomParameters(network);
  for (const [name, { data }] of parameters) if (name.startsWith("tail")) data.fill(0);
  await saveCheckpoint(join(folder, "teacher.safetensors"), { network, parameters: stateOf(parameters) });
  await place(join(folder, "train"), { "a.png": noise(60, 50, 3, 8) });
  await place(join(folder, "val"), { "black.png": imageOf(40, 40, 3, new Uint8Array(4800)) });
  const settings: PartialSettings = {
    ...{ teacher: join(folder, "teacher.safetensors"), train: join(folder, "train"), val: join(folder, "val") },
    ...{ method: "slice", init: "plain", width: [0.5], steps: 2, batch: 2, patch: 12, validationPatch: 16 },
    ...{ threads: 1, checkpointEvery: 1, validateEvery: 1, learningRate: 1e-9, warmup: 0 },
  };
  const out = join(folder, "run");
  const controller = new AbortController();
  const first = compress(
    { out, settings: { ...settings, width: [0.5] } },
    {
      signal: controller.signal,
      onStep: () => controller.abort(),
    },
  );
  await expect(first).rejects.toThrow("interrupted after step 1 of 2");

  const { outcome } = await compress({ resume: out });
  expect(outcome.rows.map(({ psnr }) => psnr)).toEqual([Infinity, Infinity, Infinity]);
  expect(outcome.progress.best).toEqual({ step: 0, psnr: 100 });
  const text = await readFile(join(out, "result.json"), "utf8");
  expect(text).toContain('"psnr": "Infinity"');
  const result = (await readResult(out)) as RunResult;
  expect(result.rows.map(({ psnr }) => psnr)).toEqual([Infinity, Infinity, Infinity]);
  const [validation] = await journalOf(out);
  expect(validation).toMatchObject({ kind: "validation", networks: [{ psnr: "Infinity" }] });
  const report = await readFile(join(out, "report.html"), "utf8");
  expect(report.match(/.{40}\bNaN\b.{20}/g)).toBeNull();
  // Read back, it is a number.
  const runs = [0, 1].map(() => ({ name: "slice", folder: out, result }));
  const [row] = (await compareRuns(runs)).rows;
  expect(row?.scores[0]?.psnr).toEqual({ mean: Infinity, spread: null });
});
