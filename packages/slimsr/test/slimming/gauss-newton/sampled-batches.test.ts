import { expect, it } from "vitest";
import { randomPatches } from "../../../../../test/support/small-networks.js";
import { batchesOf } from "../../../src/calibration/batches.js";
import { sampledBatches } from "../../../src/slimming/gauss-newton/sampled-batches.js";

it.each([
  { count: 20, sampled: 20 },
  { count: 48, sampled: 48 },
  { count: 64, sampled: 48 },
  { count: 192, sampled: 48 },
])("takes $sampled of $count patches from everywhere", ({ count, sampled }) => {
  const patches = randomPatches(count, 2);
  patches.data.forEach((_, i) => {
    patches.data[i] = Math.floor(i / 12);
  });
  const numbers = (batches: readonly { data: Float32Array }[]) =>
    batches.flatMap(({ data }) => [...data].filter((_, i) => i % 12 === 0));
  const sample = sampledBatches(batchesOf(patches, 8));
  expect(new Set(numbers(sample)).size).toBe(sampled);
  expect(Math.max(...numbers(sample))).toBeGreaterThan(0.7 * count);
});
