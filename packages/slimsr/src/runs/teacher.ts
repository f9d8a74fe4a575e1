import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { isOnnxFile, readModel, writeModel } from "@slimsr/core/internal/formats/model-file.js";
import { sameShape } from "@slimsr/core/internal/graph/index.js";
import { requireImageNetwork } from "@slimsr/core/internal/model/image-network.js";
import { type Model, nameOf, networkModel } from "@slimsr/core/internal/model/model.js";
import {
  initialParameters,
  type NetworkOptions,
  type Parameters,
  parameterShapes,
} from "@slimsr/core/internal/networks/index.js";
import { readBytes } from "../files/checkpoints.js";
import { loadNoted, readWhole } from "../files/models.js";
import { randomNumbers } from "../random.js";
import { requireFullWidth } from "../slimming/slimmable.js";
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
  /** Those of another network that one which is trained anew starts from; the others are random. */
  readonly pretrained?: Parameters;
  /** The file that a run's folder keeps of a teacher; see `keptTeacher`. */
  readonly kept?: () => Uint8Array;
}

/**
 * The teacher that the settings name, or the network that is trained anew.
 * @param begun the folder of a run that is taken up, which has its teacher
 * @throws UsageError for a network that is slimmed already, or isn't one of images
 */
export async function openNetwork(settings: Settings, begun: RunFolder | undefined): Promise<FullNetwork> {
  const { network, pretrained, seed, teacher: file = "" } = settings;
  const overrides = overridesOf(settings);
  if (network) {
    const parameters = initialParameters(parameterShapes(network), randomNumbers(seed));
    const taken =
      pretrained === undefined || begun ? undefined : await pretrainedParameters(pretrained, network, parameters);
    return { model: networkModel(network, parameters), notes: [], isTeacher: false, ...taken };
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

/**
 * What a file's network has in common with one that is trained anew, as the authors of EDSR start ×3 and ×4 from ×2 (§5.2).
 * @throws UsageError where it is another architecture's, or no shape agrees
 */
async function pretrainedParameters(
  file: string,
  network: NetworkOptions,
  random: Parameters,
): Promise<Pick<FullNetwork, "notes" | "pretrained">> {
  const { model, notes } = await loadNoted(file);
  const { origin } = model.descriptor;
  const isOfItsKind = origin.kind === "network" && origin.network.architecture === network.architecture;
  const taken = [...model.parameters].filter(([name, { shape }]) => sameShape(random.get(name)?.shape ?? [], shape));
  if (!isOfItsKind || taken.length === 0) {
    throw new UsageError(
      `${file} is ${nameOf(model)}, from which ${nameOf(networkModel(network, random))} can't start: name a network of the same architecture and features, or leave --pretrained out`,
    );
  }
  const left = [...random.keys()].filter((name) => !taken.some(([other]) => other === name));
  const others = left.length > 0 ? `; random are ${left.join(", ")}` : "";
  const note = `${taken.length} of ${random.size} parameters start as those of ${file}${others}.`;
  return { notes: [...notes, note], pretrained: new Map(taken) };
}
