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

/** Images, and a folder of the inputs of a network where these aren't made of them. */
export interface Source {
  readonly path: string;
  readonly input?: string;
}

/** A set that a network is measured on. */
export interface TestSet extends Source {
  /** As the network's description calls it: "Set5", "Kodak19-24". */
  readonly name: string;
  readonly range?: Range;
  /** dB that the network is known to have there. */
  readonly expected?: number;
}

/** What a description adds to a set's name where its ONNX file isn't quite what was published. */
const EXPORTED = " (exported form)";

/** The set that comes first, and the only one of networks that nothing is known of. */
const USUAL = "Set5";

/** Whether nothing here makes what the network restores, so that clear images are its inputs and its own outputs the truth. */
export const isOwnTruth = (task: Entry["about"]["task"]): boolean => task === "dehaze";

/** The sets that a network is measured on: those that its description names. @throws UsageError where a folder isn't there */
export function testSets({ about: { psnr } }: Entry, folders: Folders): TestSet[] {
  const names = Object.keys(psnr).filter((name) => !name.endsWith(EXPORTED));
  if (names.length === 0) return [placeOf(USUAL, folders)];
  const ordered = [...names.filter((name) => name === USUAL), ...names.filter((name) => name !== USUAL)];
  return ordered.map((name) => ({
    ...placeOf(name, folders),
    expected: psnr[`${name}${EXPORTED}`] ?? (psnr[name] as number),
  }));
}

/** "Kodak19-24" are images 19 to 24 of the validation folder Kodak24. */
function placeOf(name: string, { testSets, val }: Folders): TestSet {
  const path = join(testSets, name);
  if (existsSync(path)) return { name, path };
  const [, set, first, last] = /^(\D+)(\d+)-(\d+)$/.exec(name) ?? [];
  if (set !== undefined && basename(val).startsWith(set)) {
    return { name, path: val, range: { first: Number(first), last: Number(last) } };
  }
  throw new UsageError(`there is no set ${name} in ${testSets}, nor is ${val} the one that it is a part of`);
}

/**
 * How inputs are made for a network: noise of the level that a denoising network's name ends in; undefined where they needn't be.
 * @throws UsageError where the name tells no level
 */
export function degradationOf({ name, about: { task } }: Entry): string | undefined {
  if (task !== "denoise") return undefined;
  const level = /(?:gr[ae]y|colou?r|noise)(\d+)/.exec(name)?.[1];
  if (level === undefined) throw new UsageError(`${name}: its name must tell the noise, as color25 does`);
  return `noise:${level}`;
}

export async function openSet({ name, path, range, input }: TestSet, entry: Entry): Promise<Dataset> {
  const { scale, channels } = entry.about;
  const grey = scale === 1 && channels === 1;
  return { ...(await openDataset(path, { scale, grey, range, input, degrade: degradationOf(entry) })), name };
}

/** A network's images; `own` makes what it makes of a folder's. */
export class Images {
  constructor(
    private readonly entry: Entry,
    private readonly folders: Folders,
    private readonly own: (images: string, name: string) => Promise<string>,
  ) {}

  async sets(): Promise<TestSet[]> {
    const sets = testSets(this.entry, this.folders);
    if (!isOwnTruth(this.entry.about.task)) return sets;
    // Sets of super-resolution have reduced images beside the others.
    const whole = (path: string) => (existsSync(join(path, "HR")) ? join(path, "HR") : path);
    return Promise.all(sets.map(async (set) => ({ ...set, ...(await this.#source(whole(set.path), set.name)) })));
  }

  /** The one that students are measured on. */
  async firstSet(): Promise<TestSet> {
    return (await this.sets())[0] as TestSet;
  }

  train(): Promise<Source> {
    return this.#source(this.folders.train, "train");
  }

  val(): Promise<Source> {
    return this.#source(this.folders.val, "val");
  }

  async #source(path: string, name: string): Promise<Source> {
    return isOwnTruth(this.entry.about.task) ? { path: await this.own(path, name), input: path } : { path };
  }
}
