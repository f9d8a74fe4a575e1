import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeCheckpoint, readCheckpoint } from "../../src/checkpoints/checkpoint.js";
import { SlimsrError } from "../../src/errors.js";
import {
  archive,
  bytes,
  dictionary,
  fixture,
  floats,
  legacy,
  type Part,
  pickle,
  storage,
  tensor,
  text,
  uint32,
} from "./support.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const GIBIBYTE_IN_KILOBYTES = 1024 * 1024;
const SECONDS_PER_FILE = 20;
vi.setConfig({ testTimeout: 300_000 });

/** Numbers in [0, 1), the same in each run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Read a file that may be anything: the checkpoint, or an error of ours, within bounded time of the processor. */
function attempt(file: Uint8Array, what: string): "read" | "refused" {
  const start = process.cpuUsage();
  try {
    readCheckpoint(file, "fuzzed");
    return "read";
  } catch (error) {
    if (error instanceof SlimsrError) {
      expect(error.message.length, what).toBeLessThan(2000);
      return "refused";
    }
    throw new Error(`${what}: ${String(error)}`, { cause: error });
  } finally {
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6, what).toBeLessThan(SECONDS_PER_FILE);
  }
}

const bases: Record<string, Uint8Array> = {
  ...Object.fromEntries(
    [
      "edsr.pt",
      "edsr.legacy.pth",
      "edsr.safetensors",
      "nested.pt",
      "nested.legacy.pth",
      "views.pt",
      "views.legacy.pth",
      "half.pt",
      "rcan_x3.pt",
      "carn_multi.pt",
    ].map((name) => [name, fixture(name)]),
  ),
  "described.safetensors": encodeCheckpoint(readCheckpoint(fixture("rcan_x3.pt"), "rcan_x3.pt")),
};

type Damage = (file: Uint8Array, random: () => number) => Uint8Array;

const EXTREMES = [0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

const damages: Record<string, Damage> = {
  "cut off": (file, random) => file.slice(0, Math.floor(random() * file.length)),
  "with bits flipped": (file, random) => {
    const damaged = Uint8Array.from(file);
    for (let flips = 1 + Math.floor(random() * 20); flips > 0; flips--) {
      const at = Math.floor(random() * file.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
    return damaged;
  },
  // Where headers and pickles are, a flip in the weights being harmless
  "with a bit of its first kilobyte flipped": (file, random) => {
    const damaged = Uint8Array.from(file);
    const at = Math.floor(random() * Math.min(1024, file.length));
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return damaged;
  },
  "with a bit of its last kilobyte flipped": (file, random) => {
    const damaged = Uint8Array.from(file);
    const at = file.length - 1 - Math.floor(random() * Math.min(1024, file.length));
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return damaged;
  },
  "with an extreme number": (file, random) => {
    const damaged = Uint8Array.from(file);
    const extreme = EXTREMES[Math.floor(random() * EXTREMES.length)] ?? 0;
    damaged.set(uint32(extreme), Math.floor(random() * (file.length - 4)));
    return damaged;
  },
  "with a piece missing": (file, random) => {
    const start = Math.floor(random() * file.length);
    return bytes(file.slice(0, start), file.slice(start + 1 + Math.floor(random() * 64)));
  },
  "with a piece twice": (file, random) => {
    const start = Math.floor(random() * file.length);
    return bytes(file.slice(0, start + 32), file.slice(start));
  },
};

/** Instructions, hostile and not, to be strung together at random. */
const fragments: readonly Part[] = [
  ..."(012NQRabdehlostuc]}).",
  ...[0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f],
  ...[0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0xff],
  bytes("q", 0),
  bytes("h", 0),
  bytes("r", uint32(0xffffffff)),
  bytes("j", uint32(0xffffffff)),
  bytes(0x8b, uint32(0x7fffffff)),
  bytes(0x8b, uint32(2), 1, 2),
  bytes("J", uint32(0xffffffff)),
  bytes("K", 2),
  text("state_dict"),
  text("a"),
  "ccollections\nOrderedDict\n",
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "ctorch._utils\n_rebuild_parameter\n",
  "ctorch.nn.parameter\nParameter\n",
  "ctorch\nFloatStorage\n",
  "ctorch\nFloatTensor\n",
  "ctorch\nSize\n",
  "cposix\nsystem\n",
  "cbuiltins\neval\n",
  "cbuiltins\ngetattr\n",
  storage("0", 2),
  tensor(storage("0", 2), 0, [2], [1]),
  bytes("(", 0x85, 0x85),
];

describe("damaged checkpoints", () => {
  const baseline = process.resourceUsage().maxRSS;
  // Lest one file's garbage counts as the next one's memory
  afterEach(() => collectGarbage());

  it.each(Object.entries(damages))("%s are read or refused", (name, damage) => {
    const random = randomNumbers(name.length);
    const outcomes = { read: 0, refused: 0 };
    for (const [base, file] of Object.entries(bases)) {
      for (let round = 0; round < 40; round++) outcomes[attempt(damage(file, random), `${base} ${name}`)]++;
    }
    expect(outcomes.read + outcomes.refused).toBe(Object.keys(bases).length * 40);
    expect(outcomes.refused).toBeGreaterThan(40);
  });

  it("of random instructions are read or refused", () => {
    const random = randomNumbers(7);
    for (let round = 0; round < 3000; round++) {
      const length = 1 + Math.floor(random() * 30);
      const program = Array.from({ length }, () => fragments[Math.floor(random() * fragments.length)] ?? "N");
      const data = pickle(...program);
      attempt(archive(data, { 0: floats(1, 2) }), `instructions ${data.join()}`);
      attempt(legacy(data), `legacy instructions ${data.join()}`);
    }
  });

  it.each<[string, () => Uint8Array]>([
    ["a million dictionaries", () => pickle("}".repeat(990_000))],
    ["a million marks", () => pickle("(".repeat(990_000))],
    ["a memo of many entries", () => pickle("]", memoEntries(300_000))],
    [
      "an exponential web of lists",
      () =>
        pickle(
          "]",
          "q\0",
          Array.from({ length: 60 }, () => bytes("]h", 0, "ah", 0, "aq", 0)),
        ),
    ],
    [
      "a dictionary in each dictionary's model",
      () =>
        pickle(
          Array.from({ length: 100_000 }, () => bytes("}", text("model"))),
          "}",
          "s".repeat(100_000),
        ),
    ],
    ["fifty thousand tensors of one storage", () => pickle(dictionary(manyTensors(50_000)))],
    ["a name of ten megabytes", () => pickle(dictionary({ ["x".repeat(1e7)]: tensor(storage("0", 1), 0, [1], [1]) }))],
    ["a deep tuple as its version", () => pickle("N", "\x85".repeat(500_000))],
  ])("of %s are refused", (what, make) => {
    const data = make();
    const version = bytes(pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19), data);
    const keys = legacy(pickle("N"), data);
    for (const file of [archive(data, { 0: floats(1, 2) }), legacy(data), version, keys]) {
      expect(attempt(file, what)).toBe("refused");
    }
  });

  it("of safetensors headers that nest deeply or list a lot are refused", () => {
    const entry = '"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}';
    const headers = [
      `${'{"a":'.repeat(1_000_000)}1${"}".repeat(1_000_000)}`,
      `{"a":${"[".repeat(5_000_000)}${"]".repeat(5_000_000)}}`,
      `{${Array.from({ length: 100_000 }, (_, i) => entry.replace('"a"', `"${i}"`)).join()}}`,
      `{"a":{"dtype":"F32","shape":[${Array(3_000_000).fill(1).join()}],"data_offsets":[0,4]}}`,
      `{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
      `{"${"x".repeat(10_000_000)}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
    ];
    for (const header of headers) {
      const json = new TextEncoder().encode(header);
      const file = new Uint8Array(8 + json.length + 4);
      new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
      file.set(json, 8);
      expect(attempt(file, header.slice(0, 40))).toBe("refused");
    }
  });

  it("need less than a gibibyte", () => {
    expect(process.resourceUsage().maxRSS - baseline).toBeLessThan(GIBIBYTE_IN_KILOBYTES);
  });
});

function memoEntries(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => bytes("]r", uint32(i)));
}

function manyTensors(count: number): Record<string, Uint8Array> {
  const view = tensor(storage("0", 2), 0, [1], [1]);
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`body.${i}.conv1.weight`, view]));
}
