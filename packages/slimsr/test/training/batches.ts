import { tensor } from "../../../../test/support/engine.js";
import { randomParameters, thinVgg19 } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import type { Graph } from "../../../core/src/graph/index.js";
import { packParameters } from "../../../core/src/model/flat.js";
import { networkModel } from "../../../core/src/model/model.js";
import {
  type Parameters as ModelParameters,
  type NetworkOptions,
  parameterShapes,
  vgg19,
} from "../../../core/src/networks/index.js";
import { ADAM_DEFAULTS } from "../../../core/src/optimisers/adam.js";
import { float32, int64, scalar, type Tensor } from "../../../upscaler/src/engine/session.js";
import { compile } from "../../src/engine/compile.js";
import type { ContrastiveStep } from "../../src/training/contrast.js";
import { type StepOptions, trainingStep } from "../../src/training/step.js";

export const contrastive = (options: Partial<ContrastiveStep> = {}): ContrastiveStep => ({
  features: (graph) => vgg19(graph, thinVgg19()),
  negatives: 2,
  ratio: "batch",
  detachTeacher: true,
  ...options,
});

/** Options of a step, and the network that it trains. */
export type NetworkStep = StepOptions & { readonly network: NetworkOptions };

/** @param before the network's parameters before training */
export const stepOptions = (
  network: NetworkOptions,
  options: Partial<StepOptions> = {},
  before: ModelParameters = randomParameters(network),
): NetworkStep => ({
  network,
  model: networkModel(network, before),
  widths: [0.5],
  split: "aligned",
  batch: 2,
  patch: [16 / network.scale + 4, 16 / network.scale + 2].map(Math.ceil) as [number, number],
  adam: ADAM_DEFAULTS,
  ...options,
});

export type Feeds = Record<string, Tensor>;

/** Everything that a step takes; the same for the same options. */
export function stepFeeds(options: NetworkStep, seed = 1): Feeds {
  const { network, batch, patch } = options;
  const random = new Random(seed);
  const shapes = parameterShapes(network);
  const vector = packParameters(randomParameters(network, seed), shapes);
  const zeros = () => float32(new Float32Array(vector.length), [vector.length]);
  const images = (scale: number) => {
    const shape = [batch, 3, ...patch.map((size) => size * scale)];
    return tensor(shape, () => random.integer(0, 255));
  };
  return {
    parameters: float32(vector, [vector.length]),
    first: zeros(),
    second: zeros(),
    lr: images(1),
    hr: images(network.scale),
    ...(options.contrastive && {
      negatives: int64(Array.from({ length: options.contrastive.negatives }, (_, k) => k % batch)),
    }),
    teacher_weight: scalar(0.75),
    anchor_weight: scalar(0.6),
    distillation_weight: scalar(0.4),
    contrastive_weight: scalar(30),
    learning_rate: scalar(1e-3),
    step: scalar(1),
  };
}

/** Runs a training graph once, on those of the feeds that it takes. */
export async function run(graph: Graph, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await compile(graph, { threads: 1, spinning: false });
  const wanted = Object.fromEntries(graph.inputs.map(({ name }) => [name, feeds[name] as Tensor]));
  return session
    .run(wanted)
    .then(({ outputs }) => outputs)
    .finally(() => session.close());
}

/** A step's outputs, its gradient among them. */
export const inspected = (options: StepOptions, feeds: Feeds): Promise<Record<string, Tensor>> =>
  run(trainingStep({ ...options, inspect: true }), feeds);
