import { basename, extname } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { readHeader } from "../images/decode.js";
import type { ImageFile } from "./find-images.js";
import { wordsOf } from "./names.js";

/** Pictures of which sizes are compared, from all over the folder, and files of each: a layout shows in few. */
const PICTURES = 256;
const FILES = 8;

/**
 * Looks for one picture in several sizes among images that are all to be HR: LR images or thumbnails, in a layout that is not known.
 * @throws DatasetError naming two
 */
export async function refuseVersions(folder: string, files: readonly ImageFile[]): Promise<void> {
  const names = new Set(files.map(({ path }) => nameOf(path)));
  const groups = new Map<string, ImageFile[]>();
  for (const file of files) {
    const name = pictureOf(nameOf(file.path), names);
    const group = groups.get(name);
    if (group) group.push(file);
    else groups.set(name, [file]);
  }
  const several = [...groups.values()].filter(({ length }) => length > 1);
  const step = Math.max(1, several.length / PICTURES);
  for (let at = 0; at < several.length; at += step) {
    const versions = (several[Math.floor(at)] as ImageFile[]).slice(0, FILES);
    const sizes = await Promise.all(versions.map(async ({ path }) => ({ path, size: await readHeader(path) })));
    for (const { path, size } of sizes) {
      const smaller = sizes.find((other) => isReduced(size, other.size));
      if (!smaller?.size || !size) continue;
      throw new DatasetError(
        `${folder}: ${path} (${size.width}×${size.height}) and ${smaller.path} (${smaller.size.width}×${smaller.size.height}) look like one picture in two sizes, and nothing says which images are HR. ` +
          "Name the folder of the HR images itself, or call it HR and that of the LR images LR_bicubic/X2 (for ×2). If they are different pictures, rename one",
      );
    }
  }
}

const nameOf = (path: string): string => basename(path, extname(path)).toLowerCase();

/** What all versions of a picture are called: "photo" for photo_HR, photox2, thumb_photo, and for photo-300x200 beside photo. */
function pictureOf(name: string, names: ReadonlySet<string>): string {
  for (const { index } of name.matchAll(/[_\-. @(]+/g)) {
    const beginning = name.slice(0, index);
    if (names.has(beginning)) return beginning;
  }
  return wordsOf(name)
    .rest.replace(SMALL, "")
    .replace(/(?<=.)x\d$|[_-]\d+x\d+$/, "");
}

/** Words that names of small versions begin or end with. */
const SMALL = /^(thumb(nail)?|small|preview)s?[_\-. ]+|[_\-. ]+(thumb(nail)?|small|large|preview|scaled|bicubic)s?$/;

/** Whether the second size is the first reduced, up to rounding. */
function isReduced(large: Size | undefined, small: Size | undefined): boolean {
  if (!large || !small || small.width >= large.width || small.height >= large.height) return false;
  const factor = large.width / small.width;
  return Math.abs(large.height / factor - small.height) <= 1;
}
