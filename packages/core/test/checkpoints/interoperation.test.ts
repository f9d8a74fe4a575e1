import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodePytorch, readCheckpoint } from "../../src/checkpoints/checkpoint.js";
import type { Source } from "../../src/checkpoints/conventions.js";
import { readPytorch } from "../../src/checkpoints/pytorch/read.js";
import { writePytorch } from "../../src/checkpoints/pytorch/write.js";
import type { StateDict } from "../../src/checkpoints/state.js";
import { fixture, stateTensor } from "./support.js";

/** Loads the file that is its argument and prints each tensor's shape and the hash of its bytes. */
const LOAD = `
import hashlib, json, sys, torch
state = torch.load(sys.argv[1], map_location="cpu")
restricted = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
assert restricted.keys() == state.keys()
state = state.get(sys.argv[2], state)
assert all(t.is_contiguous() and t.dtype == torch.float32 for t in state.values())
print(json.dumps({k: [list(t.shape), hashlib.sha256(t.numpy().tobytes()).hexdigest()] for k, t in state.items()}))
`;

const python = ["python3", "/usr/bin/python3"].find((command) => {
  try {
    execFileSync(command, ["-c", "import torch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

const folder = mkdtempSync(join(tmpdir(), "slimsr-"));
afterAll(() => rmSync(folder, { recursive: true }));

function load(file: Uint8Array, wrapper = ""): unknown {
  const path = join(folder, "written.pt");
  writeFileSync(path, file);
  return JSON.parse(execFileSync(python ?? "python3", ["-c", LOAD, path, wrapper], { encoding: "utf8" }));
}

function fingerprints(state: StateDict): Record<string, [readonly number[], string]> {
  return Object.fromEntries(
    [...state].map(([name, { shape, data }]) => {
      const hash = createHash("sha256").update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return [name, [shape, hash.digest("hex")]];
    }),
  );
}

if (!python && !process.env.CI) {
  console.warn("PyTorch is not installed, so torch.load is not tested: apt-get install python3-torch");
}

describe.skipIf(!python && !process.env.CI)("torch.load", () => {
  it("reads every shape that is written", () => {
    const state: StateDict = new Map([
      ["scalar", stateTensor([])],
      ["empty", stateTensor([0, 3])],
      ["größe", stateTensor([2, 3, 4, 5], (index) => index / 3)],
      ["special", stateTensor([3], (index) => [Number.NaN, -0, Number.NEGATIVE_INFINITY][index] ?? 0)],
    ]);
    expect(load(writePytorch(state))).toEqual(fingerprints(state));
  }, 60_000);

  it.each<[string, Source, string]>([
    ["edsr.pt", "edsr-pytorch", ""],
    ["carn_x4.pt", "carn-pytorch", ""],
    ["csd_rcan_x2.pt", "csd", "model_state_dict"],
  ])(
    "reads %s as written with its own names",
    (name, source, wrapper) => {
      const written = encodePytorch(readCheckpoint(fixture(name), name), source);
      expect(load(written, wrapper)).toEqual(fingerprints(readPytorch(fixture(name), name).tensors));
    },
    60_000,
  );
});
