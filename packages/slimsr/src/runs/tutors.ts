import { extname } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Descriptor } from "@slimsr/core/internal/model/descriptor.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Dataset } from "../datasets/dataset.js";
import { distinctNames } from "../datasets/names.js";
import { type Contender, contender } from "../evaluation/contender.js";
import { evaluate } from "../evaluation/evaluate.js";
import { type LoadOptions, loadContenders, withRanges } from "../evaluation/load.js";
import { readWhole } from "../files/models.js";
import type { RunFolder } from "./folder.js";
import type { RunHooks } from "./inputs.js";
import type { Settings } from "./settings.js";
import { TEACHER_BEFORE } from "./trained-networks.js";

/** What tables call a tutor. */
const label = (name: string): string => `tutor ${name}`;

/** Whether a table's row is a tutor's. */
export const isTutor = (model: string): boolean => model.startsWith(label(""));

/** The names of the tutors' files in a run's folder, which keeps them so that resuming needs no other file. */
export const keptTutors = ({ tutor }: Settings): string[] =>
  tutor.map((file, i) => `tutor-${i + 1}${extname(file).toLowerCase()}`);

/** Puts the tutors into a run's folder. */
export async function keepTutors(folder: RunFolder, settings: Settings): Promise<void> {
  for (const [i, name] of keptTutors(settings).entries()) {
    await folder.write(name, await readWhole(settings.tutor[i] as string));
  }
}

/**
 * The tutors that the settings name; of a file of several widths, the widest.
 * @param begun the folder of a run that is taken up, which has them
 * @throws UsageError for one of another scale or other channels; CheckpointError or OnnxError where one can't be read
 */
export async function openTutors(
  settings: Settings,
  begun: RunFolder | undefined,
  { scale, channels }: Pick<Descriptor, "scale" | "channels">,
  note: RunHooks["note"],
): Promise<Contender[]> {
  const names = distinctNames(settings.tutor, "tutor");
  const kept = keptTutors(settings);
  return Promise.all(
    settings.tutor.map(async (file, i) => {
      const contenders = await loadContenders(begun?.file(kept[i] as string) ?? file, {
        scale: scale as LoadOptions["scale"],
        note,
        isAsked: false,
      });
      const widest = contenders.reduce((most, each) => (each.width > most.width ? each : most));
      if (widest.scale !== scale) {
        throw new UsageError(`${file} magnifies ×${widest.scale}, but the network that is to learn from it ×${scale}`);
      }
      if (widest.channels.input !== channels.input) {
        throw new UsageError(
          `${file} takes images of ${widest.channels.input} channels, but the network that is to learn from it of ${channels.input}`,
        );
      }
      return { ...widest, name: label(names[i] as string) };
    }),
  );
}

/**
 * Settles the range of tutors whose file doesn't say it, and measures them beside the teacher on validation images. Says which of them
 * are worse than the teacher.
 * @param teacher undefined where there is none to compare with
 * @returns the tutors in the ranges that they were trained with
 * @throws UsageError for one that is worse than bicubic interpolation, unless the settings allow it, or whose range can't be found;
 * NetworkError or DeviceError for one that can't be run
 */
export async function settleTutors(
  tutors: readonly Contender[],
  teacher: Model | undefined,
  centres: Dataset,
  { device, threads, belowBicubic }: Settings,
  { stage, signal, note }: RunHooks,
): Promise<Contender[]> {
  if (tutors.length === 0) return [];
  const measure = (candidate: Contender): Promise<{ bicubic: number; own: number }> =>
    stage(candidate.name, "images", async (onProgress) => {
      const rows = await evaluate([candidate], [centres], { device, threads, onProgress, signal });
      const [bicubic, own] = rows.map(({ psnr }) => psnr) as [number, number];
      return { bicubic, own };
    });
  const before = teacher && (await measure(contender(TEACHER_BEFORE, 1, teacher))).own;
  const wayOut = "write it into the file: slimsr convert FILE --range 255 --out TUTOR.onnx, or 1";
  const { contenders: settled, notes } = await withRanges(tutors, { threads, wayOut, signal });
  for (const each of notes) note?.(each);
  for (const tutor of settled) {
    const { name } = tutor;
    const { bicubic, own } = await measure(tutor);
    if (own < bicubic && !belowBicubic) {
      throw new UsageError(
        `${name} is worse than bicubic interpolation on the validation images (${own.toFixed(2)} dB, bicubic ${bicubic.toFixed(2)}): name another, or take it with --below-bicubic`,
      );
    }
    if (before !== undefined && own < before) {
      note?.(
        `${name} is worse than the teacher on the validation images: ${own.toFixed(2)} dB to ${before.toFixed(2)}`,
      );
    }
  }
  return settled;
}
