import { basename } from "node:path";
import { findImages, type ImageFile, requireDistinct } from "./find-images.js";
import { inRange, listHr, type PairFiles } from "./layouts.js";
import type { Range } from "./range.js";

/** Words of names that tell an input from its truth. */
const ROLES =
  /(^|[_\-. ])(no-?rain|rainy?|hazy|haze|clear|clean|noisy|noise|real|mean|blurr?y?|blurred|sharp|inputs?|targets?|truth|gt|lq|hq|lr|hr)(?=$|[_\-. ])/g;

/** What all files of a picture are called, without words of roles and without separators: "001" for norain-001 and rain-001. */
const pictureOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(ROLES, "$1")
    .replace(/[_\-. ]+/g, "_")
    .replace(/^_|_$/g, "");

/**
 * Pairs of a folder of inputs and one of truths. They belong together by their names below the folders: by the same name; by names
 * that differ in words such as hazy and clear, rain and norain; or by an input's that goes on behind the truth's, as 1400_8 and
 * 1400_0.9_0.2 of 1400, several of one truth too.
 * @throws DatasetError where a folder holds no images, or an input has no truth
 */
export async function listPaired(
  truth: string,
  input: string,
  range?: Range,
): Promise<{ pairs: PairFiles[]; note?: string }> {
  const [truths, inputs] = [await listHr(truth), await findImages(input)];
  requireDistinct(inputs);
  const find = finder(truths);
  const pairs = inputs.map(({ name, path }): PairFiles => {
    const found = find(name);
    if (found) return { name, hr: found.path, lr: path };
    return {
      ...{ name, hr: path, lr: path },
      problem: `${path}: has no truth of its name in ${truth}; expected ${basename(name)}.png there, or a name that it begins with`,
    };
  });
  const used = new Set(pairs.map(({ hr }) => hr));
  const unused = truths.filter(({ path }) => !used.has(path)).length;
  return {
    pairs: inRange(input, pairs, false, range),
    ...(unused > 0 && { note: `${truth}: images without an input in ${input} are left out: ${unused}` }),
  };
}

/** Finds the truth of an input's name. */
function finder(truths: readonly ImageFile[]): (name: string) => ImageFile | undefined {
  const [exact, pictures] = [new Map<string, ImageFile>(), new Map<string, ImageFile>()];
  for (const file of truths) {
    exact.set(file.name, file);
    pictures.set(pictureOf(file.name), file);
  }
  return (name) => {
    const picture = pictureOf(name);
    const beginnings = [...picture.matchAll(/_/g)].map(({ index }) => picture.slice(0, index)).reverse();
    return (
      exact.get(name) ??
      pictures.get(picture) ??
      beginnings.map((beginning) => pictures.get(beginning)).find((file) => file !== undefined)
    );
  };
}
