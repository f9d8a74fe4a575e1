import { readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join, resolve, sep } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { formatOfName } from "@slimsr/upscaler/internal/images/format.js";
import { glob, isDynamicPattern } from "tinyglobby";
import { collator, isSetAside } from "../datasets/find-images.js";
import { systemReason } from "../files/system-reason.js";
import { PARTS } from "./video/parts.js";

/** Standard input or output, in place of a file. */
export const STANDARD = "-";

/** Endings of files that are taken for videos; others are images, or what they are is found when they are opened. */
const VIDEOS = new Set(
  "mp4 m4v mov mkv webm avi mpg mpeg ts m2ts mts wmv flv ogv 3gp".split(" ").map((ending) => `.${ending}`),
);

export const isVideo = (path: string): boolean => VIDEOS.has(extname(path).toLowerCase());

/** A file to upscale. */
export interface Input {
  /** Or `STANDARD`. */
  readonly path: string;
  /** Its path below the folder in which it was found; of a file that was named, its name. */
  readonly name: string;
  /** Whether it was named, or matches a pattern, and doesn't just lie in a folder. */
  readonly isNamed: boolean;
}

/**
 * Files that are meant by paths of files and folders, by patterns such as photos/*.jpg, where the shell has left them, and by "-".
 * Of folders images and videos are taken, by their endings.
 * @param recursive whether folders in folders are looked into
 * @param output a folder that isn't looked into
 * @throws UsageError where there is no such file, or nothing in a folder
 */
export async function findInputs(words: readonly string[], recursive: boolean, output?: string): Promise<Input[]> {
  const found = new Map<string, Input>();
  const add = async (input: Input) => {
    const key = input.path === STANDARD ? STANDARD : await realpath(input.path);
    if (!found.has(key)) found.set(key, input);
  };
  for (const word of words) {
    if (word === STANDARD) await add({ path: word, name: "stdin", isNamed: true });
    else
      for (const path of await pathsOf(word))
        for (const input of await inputsAt(path, recursive, output)) await add(input);
  }
  if (found.has(STANDARD) && found.size > 1) {
    throw new UsageError('"-" is the standard input, one image; name files and folders in another call');
  }
  return [...found.values()];
}

async function pathsOf(word: string): Promise<string[]> {
  if (await isThere(word)) return [word];
  const pattern = sep === "\\" ? word.replaceAll("\\", "/") : word;
  if (!isDynamicPattern(pattern)) throw new UsageError(`${word}: there is no such file or folder`);
  const paths = await glob(pattern, { onlyFiles: false, expandDirectories: false, absolute: false });
  if (paths.length === 0) throw new UsageError(`${word}: nothing matches this pattern`);
  return paths.map((path) => path.replace(/\/$/, "")).sort(collator.compare);
}

async function inputsAt(path: string, recursive: boolean, output: string | undefined): Promise<Input[]> {
  if (!(await stat(path)).isDirectory()) return [{ path, name: basename(path), isNamed: true }];
  const names = await namesBelow(path, recursive, output === undefined ? undefined : resolve(output));
  if (names.length === 0) {
    const advice = recursive ? "" : "; --recursive looks into the folders in it too";
    throw new UsageError(`${path}: there is no image or video in this folder${advice}`);
  }
  return names.sort(collator.compare).map((name) => ({ path: join(path, name), name, isNamed: false }));
}

/** Paths below a folder. */
async function namesBelow(folder: string, recursive: boolean, output: string | undefined): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new UsageError(`${folder}: cannot be read: ${systemReason(error)}`, { cause: error });
  });
  const names = await Promise.all(
    entries
      .filter(({ name }) => !isSetAside(name))
      .map(async (entry) => {
        const { name } = entry;
        const path = join(folder, name);
        if (entry.isDirectory()) {
          if (!recursive || name.endsWith(PARTS) || resolve(path) === output) return [];
          return (await namesBelow(path, recursive, output)).map((below) => join(name, below));
        }
        return formatOfName(name) !== undefined || isVideo(name) ? [name] : [];
      }),
  );
  return names.flat();
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
