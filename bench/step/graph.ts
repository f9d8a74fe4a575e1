import type { Graph } from "../../packages/core/src/graph/index.js";
import { networkModel } from "../../packages/core/src/model/model.js";
import { initialParameters, parameterShapes, vgg19 } from "../../packages/core/src/networks/index.js";
import { ADAM_DEFAULTS } from "../../packages/core/src/optimisers/adam.js";
import { trainingStep } from "../../packages/slimsr/src/training/step.js";
import type { StepConfiguration } from "./configurations.js";
import { randomVgg19 } from "./vgg.js";

/** A configuration's step; weights that don't train are random. */
export function stepOf({ network, width, batch, patch, negatives, contrasted, teacher }: StepConfiguration): Graph {
  const model = networkModel(network, initialParameters(parameterShapes(network), Math.random));
  return trainingStep({
    ...{ model, widths: [width], split: "official", adam: ADAM_DEFAULTS },
    ...{ batch, patch: [patch, patch] },
    ...(teacher !== "shared" && { teacher: "frozen", distillation: true, keptOutputs: teacher === "kept" }),
    ...(negatives > 0 && {
      contrastive: {
        features: (graph) => vgg19(graph, randomVgg19()),
        ...{ negatives, contrasted, ratio: "batch", detachTeacher: true },
      },
    }),
  });
}
