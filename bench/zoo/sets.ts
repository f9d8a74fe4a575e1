import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UsageError } from "../../packages/core/src/errors.js";
import { type Dataset, openDataset } from "../../packages/slimsr/src/datasets/dataset.js";
import type { Range } from "../../packages/slimsr/src/datasets/range.js";
import type { Entry } from "./entry.js";

/** Where images are. */
export interface Folders {
  /** Each folder in it is a set, by its name. */
  readonly testSets: string;
  readonly train: string;
  readonly val: string;
}

/** A set that a network is measured on. */
export interface TestSet {
  /** As the network's description calls it: "Set5", "Kodak19-24". */
  readonly name: string;
  readonly path: string;
  readonly range?: Range;
  /** dB that the network is known to have there. */
  readonly expected: number;
}

/** What a description adds to a set's name where its ONNX file isn't quite what was published. */
const EXPORTED = " (exported form)";

/** The sets that a network's description names. @throws UsageError where a folder isn't there */
export function testSets({ about: { psnr } }: Entry, folders: Folders): TestSet[] {
  const names = Object.keys(psnr).filter((name) => !name.endsWith(EXPORTED));
  return names.map((name) => ({
    ...placeOf(name, folders),
    expected: psnr[`${name}${EXPORTED}`] ?? (psnr[name] as number),
  }));
}

/** "Kodak19-24" are images 19 to 24 of the validation folder Kodak24. */
function placeOf(name: string, { testSets, val }: Folders): Omit<TestSet, "expected"> {
  const path = join(testSets, name);
  if (existsSync(path)) return { name, path };
  const [, set, first, last] = /^(\D+)(\d+)-(\d+)$/.exec(name) ?? [];
  if (set !== undefined && basename(val).startsWith(set)) {
    return { name, path: val, range: { first: Number(first), last: Number(last) } };
  }
  throw new UsageError(`there is no set ${name} in ${testSets}, nor is ${val} the one that it is a part of`);
}

/**
 * How inputs are made for a network: noise of the level that a denoising network's name ends in; undefined where they needn't be,
 * or can't.
 * @throws UsageError where the name tells no level
 */
export function degradationOf({ name, about: { task } }: Entry): string | undefined {
  if (task !== "denoise") return undefined;
  const level = /(?:gr[ae]y|colou?r|noise)(\d+)/.exec(name)?.[1];
  if (level === undefined) throw new UsageError(`${name}: its name must tell the noise, as color25 does`);
  return `noise:${level}`;
}

export async function openSet({ name, path, range }: TestSet, entry: Entry): Promise<Dataset> {
  const { scale, channels } = entry.about;
  const grey = scale === 1 && channels === 1;
  return { ...(await openDataset(path, { scale, grey, range, degrade: degradationOf(entry) })), name };
}
