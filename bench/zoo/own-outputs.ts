import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openDataset } from "../../packages/slimsr/src/datasets/dataset.js";
import type { Contender } from "../../packages/slimsr/src/evaluation/contender.js";
import { evaluate, savedLabel } from "../../packages/slimsr/src/evaluation/evaluate.js";

/**
 * Writes what a network that leaves images their size makes of a folder of them, by their names, unless it is there.
 * @returns the folder `out`, whole or not at all
 */
export async function ownOutputs(
  network: Contender,
  images: string,
  out: string,
  signal: AbortSignal,
): Promise<string> {
  if (existsSync(out)) return out;
  const [save, name] = [`${out}.part`, "images"];
  await rm(save, { recursive: true, force: true });
  const set = await openDataset(images, { scale: network.scale, input: images, signal });
  await evaluate([network], [{ ...set, name }], { bicubic: false, save, signal });
  await mkdir(dirname(out), { recursive: true });
  await rename(join(save, name, savedLabel(network)), out);
  await rm(save, { recursive: true });
  return out;
}
