import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { isOnnxFile, readModel, writeModel } from "@slimsr/core/internal/formats/model-file.js";
import { sameShape } from "@slimsr/core/internal/graph/index.js";
import { requireImageNetwork } from "@slimsr/core/internal/model/image-network.js";
import { type Model, networkModel } from "@slimsr/core/internal/model/model.js";
import { initialParameters, parameterShapes } from "@slimsr/core/internal/networks/index.js";
import { readBytes } from "../files/checkpoints.js";
import { loadNoted, readWhole } from "../files/models.js";
import { randomNumbers } from "../random.js";
import type { RunFolder } from "./folder.js";
import type { Settings } from "./settings.js";

/** A teacher as the run's folder keeps it, so that resuming needs no other file. */
const KEPT = { checkpoint: "teacher.safetensors", onnx: "teacher.onnx" } as const;

/** The name of the teacher's file in a run's folder; undefined where the network is trained anew. */
export function keptTeacher({ network, teacher = "" }: Settings): string | undefined {
  if (network) return undefined;
  return isOnnxFile(teacher) ? KEPT.onnx : KEPT.checkpoint;
}

/** The full network of a run. */
export interface FullNetwork {
  readonly model: Model;
  /** What should be known of its file. */
  readonly notes: readonly string[];
  /** Whether it came with its weights; otherwise it is trained anew. */
  readonly isTeacher: boolean;
  /** The file that a run's folder keeps of a teacher; see `keptTeacher`. */
  readonly kept?: () => Uint8Array;
}

/**
 * The teacher that the settings name, or the network that is trained anew.
 * @param begun the folder of a run that is taken up, which has its teacher
 * @throws UsageError for a network that is slimmed already, or isn't one of images
 */
export async function openNetwork(settings: Settings, begun: RunFolder | undefined): Promise<FullNetwork> {
  const { network, seed, teacher: file = "" } = settings;
  const overrides = overridesOf(settings);
  if (network) {
    const parameters = initialParameters(parameterShapes(network), randomNumbers(seed));
    return { model: networkModel(network, parameters), notes: [], isTeacher: false };
  }
  const kept = keptTeacher(settings) as string;
  if (isOnnxFile(file)) {
    const bytes = await (begun ? readBytes(begun.file(kept)) : readWhole(file));
    // By the name that it came under, which students' files tell.
    const model = readModel(bytes, file, overrides);
    requireImageNetwork(model);
    return { model, notes: [], isTeacher: true, kept: () => bytes };
  }
  const { model, notes } = begun ? await loadNoted(begun.file(kept)) : await loadNoted(file, overrides);
  requireFullWidth(model, file);
  return { model, notes, isTeacher: true, kept: () => writeModel(model, kept) };
}

function requireFullWidth({ places, parameters }: Model, file: string): void {
  for (const [name, { shape }] of places) {
    if (sameShape(parameters.get(name)?.shape ?? [], shape)) continue;
    throw new UsageError(
      `${file} is a slimmed network already (${name} is narrower than its options say): name the full one`,
    );
  }
}
