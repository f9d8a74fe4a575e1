import { readdir } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { systemReason } from "../files/system-reason.js";
import { formatOfName } from "../images/format.js";

/** An image file below a folder. */
export interface ImageFile {
  /** Path below the folder without ending, with forward slashes: "test/100007". */
  readonly name: string;
  readonly path: string;
}

/**
 * All images below a folder, in subfolders too, sorted by name (img2 before img10). Hidden files and folders, and files
 * whose endings are no image format's, are passed over.
 * @throws DatasetError if the folder cannot be read, holds no image, or holds two that differ only in their ending
 */
export async function findImages(folder: string): Promise<ImageFile[]> {
  const found = (await filesBelow(folder))
    .filter((path) => formatOfName(path) !== undefined)
    .map((path) => ({ path, name: relative(folder, path).slice(0, -extname(path).length).split(sep).join("/") }))
    .sort((a, b) => collator.compare(a.name, b.name) || (a.path < b.path ? -1 : 1));
  if (found.length === 0) {
    throw new DatasetError(
      `${folder}: there is no image in this folder; expected PNG, JPEG, WebP, TIFF, AVIF or BMP files`,
    );
  }
  for (const [i, file] of found.entries()) {
    const previous = found[i - 1];
    if (previous?.name === file.name) {
      throw new DatasetError(`${previous.path} and ${file.path} have the same name; remove or rename one of them`);
    }
  }
  return found;
}

const collator = new Intl.Collator("en", { numeric: true });

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new DatasetError(`${folder}: cannot be read: ${systemReason(error)}; expected a folder of images`, {
      cause: error,
    });
  });
  const visible = entries.filter(({ name }) => !name.startsWith("."));
  const nested = await Promise.all(
    visible.map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    }),
  );
  return nested.flat();
}
