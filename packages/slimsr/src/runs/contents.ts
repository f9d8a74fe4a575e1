import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import type { Dataset } from "../datasets/dataset.js";
import { fileDigest } from "../files/digest.js";
import { fromJson } from "../files/json.js";
import type { RunFolder } from "./folder.js";
import { vggFile } from "./methods.js";
import type { Settings } from "./settings.js";
import { keptTeacher } from "./teacher.js";
import { keptTutors } from "./tutors.js";

const images = z.array(z.strictObject({ name: z.string(), hr: z.string(), lr: z.string() }));
const contentsSchema = z.strictObject({
  train: images,
  val: images,
  teacher: z.string().nullable(),
  vgg: z.string().nullable(),
  tutors: z.array(z.string()).default([]),
  /** Whether students learn outputs of whole images, made before; else those that the teacher gives of patches. */
  keptOutputs: z.boolean().default(false),
});

/** Digests of all that a run's result follows from beside its settings; images by their decoded samples. */
export type Contents = z.infer<typeof contentsSchema>;

/** The file of a run's contents. That they are the run's own, its state tells. */
const FILE = "contents.json";

/** Digests of the networks that a run's folder keeps. @throws CheckpointError where one can't be read */
export async function keptIn(
  folder: RunFolder,
  settings: Settings,
): Promise<{ teacher: string | null; tutors: string[] }> {
  const { teacher, tutors } = keptFiles(folder, settings);
  return {
    teacher: teacher === "" ? null : await fileDigest(teacher),
    tutors: await Promise.all(tutors.map(fileDigest)),
  };
}

/** Where a run's folder keeps its networks; an empty text where there is no teacher. */
export function keptFiles(folder: Pick<RunFolder, "file">, settings: Settings): NetworkFiles {
  const teacher = keptTeacher(settings);
  return {
    teacher: teacher === undefined ? "" : folder.file(teacher),
    tutors: keptTutors(settings).map((name) => folder.file(name)),
  };
}

/** Files of a run's networks, for messages. */
export interface NetworkFiles {
  readonly teacher: string;
  readonly tutors: readonly string[];
}

/**
 * What a run works on now.
 * @param kept digests of its networks
 * @throws CheckpointError where VGG19's weights can't be read
 */
export async function contentsOf(
  kept: Pick<Readonly<Contents>, "teacher"> & { readonly tutors: readonly string[] },
  settings: Settings,
  train: Dataset,
  val: Dataset,
  keptOutputs: boolean,
): Promise<Contents> {
  const vgg = vggFile(settings);
  return {
    train: imagesOf(train),
    val: imagesOf(val),
    teacher: kept.teacher,
    vgg: vgg === undefined ? null : await fileDigest(vgg),
    tutors: [...kept.tutors],
    keptOutputs,
  };
}

const imagesOf = ({ pairs }: Dataset): Contents["train"] =>
  pairs.map(({ name, decoded: { hr, lr } }) => ({ name, hr: hr.digest, lr: lr.digest }));

/** One digest of all, for a run's state. Names and places of images don't count, their order does. */
export function digestOf({ train, val, teacher, vgg, tutors, keptOutputs }: Contents): string {
  const samples = (list: Contents["train"]) => list.map(({ hr, lr }) => [hr, lr]);
  return createHash("sha256")
    .update(JSON.stringify([samples(train), samples(val), teacher, vgg, ...(keptOutputs ? [tutors] : [])]))
    .digest("hex");
}

/** Writes contents into a run's folder, so that what has changed can be named. */
export const keepContents = (folder: RunFolder, contents: Contents): Promise<void> =>
  folder.write(FILE, `${JSON.stringify(contents, undefined, 1)}\n`);

/**
 * @param digest that of the contents that the run began with
 * @param files where its networks are
 * @throws RunError naming what has changed since
 */
export async function requireContents(
  folder: Pick<RunFolder, "path" | "file">,
  settings: Settings,
  now: Contents,
  digest: string,
  files: NetworkFiles,
): Promise<void> {
  if (digestOf(now) === digest) return;
  const begun = await readContents(folder);
  const changed =
    begun === undefined || digestOf(begun) !== digest
      ? [
          `${now.tutors.length > 0 ? "the tutors, " : ""}the images, the teacher or VGG19's weights are not those that the run began with`,
        ]
      : [
          ...changedImages(settings.train, begun.train, now.train),
          ...changedImages(settings.val, begun.val, now.val),
          ...(begun.teacher === now.teacher ? [] : [`${files.teacher} is another teacher`]),
          ...files.tutors.flatMap((file, i) => (begun.tutors[i] === now.tutors[i] ? [] : [`${file} is another tutor`])),
          ...(begun.keptOutputs === now.keptOutputs
            ? []
            : [`the teacher's outputs were ${begun.keptOutputs ? "kept" : "made in each step"}, and would not be now`]),
          ...(begun.vgg === now.vgg ? [] : [`${vggFile(settings)} holds other weights of VGG19`]),
        ];
  const more = changed.length > SHOWN ? `\n  and ${changed.length - SHOWN} more` : "";
  throw new RunError(
    `${folder.path}: since the run began this has changed:${changed
      .slice(0, SHOWN)
      .map((each) => `\n  ${each}`)
      .join("")}${more}\nPut it back as it was, or begin a new run in another folder`,
  );
}

const SHOWN = 5;

/** What a folder's run began with; undefined where that isn't there, or damaged. */
export async function readContents(folder: Pick<RunFolder, "file">): Promise<Contents | undefined> {
  try {
    return contentsSchema.parse(fromJson(await readFile(folder.file(FILE), "utf8")));
  } catch {
    return undefined;
  }
}

function changedImages(path: string, begun: Contents["train"], now: Contents["train"]): string[] {
  if (begun.length === now.length && begun.every(({ hr, lr }, i) => hr === now[i]?.hr && lr === now[i]?.lr)) return [];
  const [before, after] = [begun, now].map((list) => new Map(list.map((image) => [image.name, image])));
  const at = (name: string) => `${join(path, name)}:`;
  const gone = begun
    .filter(({ name }) => !after?.has(name))
    .map(({ name }) => `${at(name)} there is no such image any more`);
  const others = now.flatMap(({ name, hr, lr }) => {
    const known = before?.get(name);
    if (!known) return [`${at(name)} it is new`];
    if (known.hr !== hr) return [`${at(name)} it is another image`];
    return known.lr === lr ? [] : [`${at(name)} its LR is another image`];
  });
  const found = [...gone, ...others];
  return found.length > 0 ? found : [`${path}: the images are in another order`];
}
