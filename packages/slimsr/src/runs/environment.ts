import { readFile } from "node:fs/promises";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { engineVersion } from "@slimsr/upscaler/internal/node/engine.js";
import { fromJson } from "../files/json.js";
import { VERSION } from "../version.js";
import type { RunFolder } from "./folder.js";

/** What a run is done with. */
export interface Environment {
  readonly slimsr: string;
  readonly node: string;
  readonly onnxruntime: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
}

export function environment(): Environment {
  return {
    slimsr: VERSION,
    node: process.version,
    onnxruntime: engineVersion(),
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
  };
}

const FILE = "environment.json";

/** The environments that a run has been worked on in, in their order; this process' is added where it is another. */
export async function recordEnvironment(folder: RunFolder): Promise<Environment[]> {
  const known = await readFile(folder.file(FILE), "utf8").then(
    (text) => fromJson(text) as Environment[],
    () => [],
  );
  const current = environment();
  if (JSON.stringify(known.at(-1)) === JSON.stringify(current)) return known;
  const all = [...known, current];
  await folder.write(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
  return all;
}
