import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, writeSafetensors } from "../../../core/src/checkpoints/safetensors.js";
import type { StateDict } from "../../../core/src/checkpoints/state.js";

export const GOLDEN = fileURLToPath(new URL("../../../../test/fixtures/golden/", import.meta.url));

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "slimsr-parity-"));

export interface Change {
  settings?: (settings: Record<string, unknown>) => void;
  tensors?: (tensors: StateDict) => void;
}

/** Writes a case, changed, under another name. */
export function writeCase(folder: string, name: string, source: string, { settings, tensors }: Change = {}): void {
  const json = JSON.parse(readFileSync(join(GOLDEN, `${source}.json`), "utf8")) as Record<string, unknown>;
  settings?.(json);
  const file = join(GOLDEN, `${source}.safetensors`);
  const read = readSafetensors(readFileSync(file), file);
  tensors?.(read.tensors);
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(json));
  writeFileSync(join(folder, `${name}.safetensors`), writeSafetensors(read.tensors));
}

/** A change of one tensor's values. */
export const changed = (key: string, change: (value: number, index: number) => number): Change => ({
  tensors: (tensors) => {
    const tensor = tensors.get(key);
    if (!tensor) throw new Error(`no tensor ${key}`);
    tensors.set(key, { ...tensor, data: tensor.data.map(change) });
  },
});
