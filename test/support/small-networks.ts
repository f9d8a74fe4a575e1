import { elements } from "../../packages/core/src/graph/index.js";
import { channelAnalysis, instantiate, type Model, networkModel } from "../../packages/core/src/model/model.js";
import { countsAtWidth } from "../../packages/core/src/model/split.js";
import { type NetworkOptions, parameterShapes, type Scale } from "../../packages/core/src/networks/index.js";
import { type Patches, patchShape } from "../../packages/slimsr/src/calibration/batches.js";
import { randomNumbers } from "../../packages/slimsr/src/random.js";
import { alignTeacher } from "../../packages/slimsr/src/slimming/aligned-teacher.js";
import { float32 } from "../../packages/upscaler/src/engine/session.js";
import { createSession } from "../../packages/upscaler/src/node/session.js";

/** Small networks of every architecture and variant. */
export function smallNetworks(scale: Scale, features = 8): NetworkOptions[] {
  const common = { scale, features, mean: [114, 111, 103] } as const;
  return [
    { architecture: "edsr", ...common, range: 255, blocks: 2, resScale: 0.5 },
    { architecture: "rcan", ...common, range: 255, groups: 1, blocks: 2, reduction: 4 },
    { architecture: "carn", ...common, range: 1, variant: "original" },
    { architecture: "carn", ...common, range: 1, variant: "csd" },
  ];
}

/** Random weights that keep activations at their inputs' size, so that no channel is idle. */
export function randomParameters(options: NetworkOptions, seed = 1) {
  const random = randomNumbers(seed);
  return new Map(
    [...parameterShapes(options)].map(([name, shape]) => {
      const fan = elements(shape.slice(1));
      const size = shape.length === 1 ? 0.1 : Math.sqrt(3 / fan);
      const data = Float32Array.from({ length: elements(shape) }, () => (2 * random() - 1) * size);
      return [name, { shape, data }];
    }),
  );
}

/** A network with such weights. */
export const smallModel = (options: NetworkOptions): Model => networkModel(options, randomParameters(options));

export function randomPatches(count: number, side = 12, seed = 2): Patches {
  const random = randomNumbers(seed);
  const data = Float32Array.from({ length: count * 3 * side * side }, () => Math.floor(random() * 256));
  return { count, height: side, width: side, data };
}

export async function outputOf(model: Model, patches: Patches): Promise<Float32Array> {
  const shape = patchShape(patches, patches.count);
  const session = await createSession(instantiate(model, shape));
  const { outputs } = await session.run({ lr: float32(patches.data, shape) });
  await session.close();
  return outputs.sr?.data as Float32Array;
}

export function rootMeanSquare(values: Float32Array, others?: Float32Array): number {
  const sum = values.reduce((total, value, i) => total + (value - (others?.[i] ?? 0)) ** 2, 0);
  return Math.sqrt(sum / values.length);
}

/** An aligned teacher to be halved, and how far a student's output is from its, on images that calibration didn't see. */
export async function halfWidth(options: NetworkOptions) {
  const model = smallModel(options);
  const [patches, unseen] = [randomPatches(24), randomPatches(4, 12, 9)];
  const ideal = await outputOf(model, unseen);
  return {
    teacher: await alignTeacher(model, patches, "balanced"),
    counts: countsAtWidth(channelAnalysis(model).groups, 0.5),
    patches,
    errorOf: async (student: Model) => rootMeanSquare(await outputOf(student, unseen), ideal),
  };
}
