import { Random } from "../support/random.js";

/** Sizes, offsets and counts that readers get wrong. */
const NUMBERS = [
  0,
  1,
  2,
  127,
  128,
  255,
  256,
  32767,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  -1,
];

/** What stands in JSON where something else is expected. */
const VALUES = [
  ...["null", "true", "0", "-1", "1.5", "1e999", "1e-400", "9007199254740993", "[]", "{}", '""', '"x"'],
  ...['"__proto__"', '"constructor"', '"\\u0000\\u001b"', "[[[[]]]]", '{"a":{}}', '"F64"', '"I8"', "NaN"],
];

/** Numbers, words and texts of JSON. */
const TOKEN = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|"(?:[^"\\]|\\.){0,80}"|true|false|null/g;

type Mutation = (bytes: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** Formats have their structure at the beginning or the end. */
function place({ length }: Uint8Array, random: Random): number {
  const near = random.integer(0, Math.min(length, 1500));
  return Math.max(0, Math.min(length - 1, random.pick([near, length - near, random.integer(0, length)])));
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => {
    const flipped = Uint8Array.from(bytes);
    for (let flips = random.integer(1, 8); flips > 0; flips--) {
      const at = place(bytes, random);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.integer(0, 7));
    }
    return flipped;
  },
  (bytes, random) => {
    const at = place(bytes, random);
    return joined(
      bytes.subarray(0, at),
      Uint8Array.of(random.pick([0, 255, 127, 128, random.integer(0, 255)])),
      bytes.subarray(at + 1),
    );
  },
  (bytes, random) => bytes.subarray(0, random.integer(0, bytes.length)),
  (bytes, random) => {
    const at = place(bytes, random);
    return joined(bytes.subarray(0, at), bytes.subarray(at + random.integer(1, 64)));
  },
  (bytes, random) => {
    const [at, from] = [place(bytes, random), place(bytes, random)];
    return joined(bytes.subarray(0, at), bytes.subarray(from, from + random.integer(1, 200)), bytes.subarray(at));
  },
  (bytes, random, others) => {
    const other = random.pick(others);
    const [at, from] = [place(bytes, random), place(other, random)];
    const piece = other.subarray(from, from + random.integer(1, 400));
    return joined(bytes.subarray(0, at), piece, bytes.subarray(at + random.integer(0, 400)));
  },
  (bytes, random) => {
    const [at, width] = [place(bytes, random), random.pick([1, 2, 4, 8])];
    const number = Buffer.alloc(8);
    number.writeBigInt64LE(BigInt(random.pick(NUMBERS)));
    const written = number.subarray(0, width);
    return joined(
      bytes.subarray(0, at),
      random.pick([0, 1]) ? written : written.toReversed(),
      bytes.subarray(at + width),
    );
  },
  (bytes, random) => {
    const head = Buffer.from(bytes.subarray(0, 4096)).toString("latin1");
    const tokens = [...head.matchAll(TOKEN)];
    if (tokens.length === 0) return bytes;
    const token = random.pick(tokens);
    const after = bytes.subarray(token.index + token[0].length);
    return joined(bytes.subarray(0, token.index), Buffer.from(random.pick(VALUES)), after);
  },
];

/** One of the files, mutated once to four times: the same for the same seed and index. */
export function mutated(files: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  let bytes = random.pick(files);
  for (let times = random.pick([1, 1, 2, 4]); times > 0 && bytes.length > 0; times--) {
    bytes = random.pick(MUTATIONS)(bytes, random, files);
  }
  return bytes;
}
