import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { randomParameters } from "../../../../test/support/networks.js";
import { encodeCheckpoint } from "../../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";

const network: NetworkOptions = {
  ...{ architecture: "edsr", scale: 2, features: 8, range: 255, mean: [114, 111, 103], blocks: 1, resScale: 1 },
};

/** MiB of the process, of its heap, and of what lies beside that. */
type Sizes = [number, number, number];

/** Prints the process' memory, in MiB, after some of the images. */
const program = (model: string) => `
  import { Upscaler } from ${JSON.stringify(new URL("../../dist/node/index.js", import.meta.url).href)};
  const upscaler = await Upscaler.load(${JSON.stringify(model)}, { threads: 1, memory: 2 ** 19 });
  const image = { data: new Uint8Array(3 * 64 * 48).map((_, i) => i), width: 64, height: 48, channels: 3 };
  for (let i = 1; i <= 1000; i++) {
    await upscaler.upscale(image);
    if (i % 40 > 0) continue;
    gc();
    await new Promise((done) => setTimeout(done, 50));
    gc();
    const { rss, heapUsed, external } = process.memoryUsage();
    console.log(JSON.stringify([rss, heapUsed, external].map((bytes) => bytes / 2 ** 20)));
  }
  await upscaler.dispose();
`;

it("takes no more memory after 1,000 images than after 200", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-leak-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const model = join(folder, "small.safetensors");
  await writeFile(model, encodeCheckpoint({ network, parameters: stateOf(randomParameters(network)) }));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    "--input-type=module",
    "--eval",
    program(model),
  ]);
  const seen = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Sizes);
  expect(seen).toHaveLength(25);
  // The least of five: what a collection has yet to free, the engine's thread's above all, comes and goes; what is lost stays.
  const leastOf = (samples: readonly Sizes[], part: number): number =>
    Math.min(...samples.map((sizes) => sizes[part] as number));
  const least = (samples: readonly Sizes[]): Sizes => [leastOf(samples, 0), leastOf(samples, 1), leastOf(samples, 2)];
  const [first, last] = [least(seen.slice(4, 9)), least(seen.slice(-5))];
  // The process, its heap, and what lies beside that; the latter two are small, so that a MiB of them is noise.
  expect(last[0]).toBeLessThan(1.05 * first[0]);
  expect(last[1]).toBeLessThan(1.05 * first[1] + 1);
  expect(last[2]).toBeLessThan(1.05 * first[2] + 1);
});
