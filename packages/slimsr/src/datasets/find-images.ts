import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { systemReason } from "../files/system-reason.js";
import { formatOfName } from "../images/format.js";
import { wordsOf } from "./names.js";

/** An image file below a folder. */
export interface ImageFile {
  /** Path below the folder without ending, with forward slashes: "test/100007". */
  readonly name: string;
  readonly path: string;
}

/** Folders in which storage systems and archives keep thumbnails, copies and what was thrown away. */
const NOT_PICTURES = new Set(
  ["@eaDir", "@Recycle", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"].map((name) =>
    name.toLowerCase(),
  ),
);

/**
 * All images below a folder, in subfolders too, sorted by name (img2 before img10). Hidden files and folders, those of storage
 * systems' thumbnails and bins, and files whose endings are no image format's, are passed over.
 * @throws DatasetError if the folder cannot be read or holds no image
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
  return found;
}

/**
 * @param sorted images, sorted by name
 * @throws DatasetError if two differ only in their ending
 */
export function requireDistinct(sorted: readonly ImageFile[]): void {
  for (const [i, file] of sorted.entries()) {
    const previous = sorted[i - 1];
    if (previous?.name === file.name) {
      throw new DatasetError(`${previous.path} and ${file.path} have the same name; remove or rename one of them`);
    }
  }
}

/** Whether a folder or file of this name is hidden, or a storage system's own. */
export const isSetAside = (name: string): boolean => name.startsWith(".") || NOT_PICTURES.has(name.toLowerCase());

/** img2 before img10. */
export const collator = new Intl.Collator("en", { numeric: true });

async function filesBelow(folder: string, above: readonly string[] = []): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new DatasetError(`${folder}: cannot be read: ${systemReason(error)}; expected a folder of images`, {
      cause: error,
    });
  });
  const visible = entries.filter(({ name }) => !isSetAside(name));
  const here = [...above, await realpath(folder)];
  const nested = await Promise.all(
    visible.map(async (entry) => {
      const path = join(folder, entry.name);
      const goesDown = entry.isDirectory() || (entry.isSymbolicLink() && (await isLinkedPart(path, entry.name, here)));
      return goesDown ? filesBelow(path, here) : [path];
    }),
  );
  return nested.flat();
}

/** Of links to folders only those are followed that are called HR, X2 or such, and lead to no folder that they lie in. */
async function isLinkedPart(path: string, name: string, above: readonly string[]): Promise<boolean> {
  const { role, scale } = wordsOf(name);
  if (role === undefined && scale === undefined) return false;
  const target = await stat(path).catch(() => undefined);
  return target?.isDirectory() === true && !above.includes(await realpath(path));
}
