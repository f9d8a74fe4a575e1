import { withStandardRounding } from "@slimsr/core/internal/export/roundings.js";
import { elements, type Graph, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { differenceBetween } from "@slimsr/core/internal/metrics/difference.js";
import { multiplyAccumulates } from "@slimsr/core/internal/model/cost.js";
import { imageNames } from "@slimsr/core/internal/model/descriptor.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { fakeQuantised } from "@slimsr/core/internal/quantisation/fake.js";
import { integerInputs, type QuantisationPlan } from "@slimsr/core/internal/quantisation/plan.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { type Patches, patchShape, somePatches } from "../calibration/batches.js";
import { createSession } from "../engine/session.js";
import type { QuantisedWith } from "./quantise.js";
import { roundingOf } from "./trainable.js";

/** What the rounding of an activation does to a network's output. */
export interface RoundingNoise {
  /** Mean squared difference of the output, in the network's range. */
  readonly error: number;
  /** What writes or reads its integers, by places among the graph's live nodes: the activation isn't rounded where all these stay in float. */
  readonly nodes: ReadonlySet<number>;
}

/** Patches that noise is measured on. */
const PATCHES = 6;

/**
 * The noise of each activation's rounding, all else in float. The whole noise is about their sum, for roundings know little of each other.
 */
export async function roundingNoises(
  { scaled, plan, quantisation, patches }: QuantisedWith,
  {
    onActivation,
    signal,
  }: { readonly onActivation?: (done: number, total: number) => void; readonly signal?: AbortSignal | undefined },
): Promise<RoundingNoise[]> {
  const few = somePatches(patches, 0, PATCHES);
  const own = nodesByRoot(plan);
  const float = await outputOf(scaled, few);
  const noises: RoundingNoise[] = [];
  for (const [root, nodes] of own) {
    signal?.throwIfAborted();
    const scale = quantisation.activations.get(root);
    if (!scale) continue;
    const rounded = fakeQuantised(scaled, plan, {
      ...{ weightBits: quantisation.bits, reads: new Map(), convolutions: new Map() },
      activations: new Map([[root, roundingOf(scale, "fixed")]]),
    });
    noises.push({ error: differenceBetween([await outputOf(rounded, few)], [float]).rms ** 2, nodes });
    onActivation?.(noises.length, own.size);
  }
  return noises;
}

/** Nodes that write or read the integers of each root, but of what loses nothing: an image in whole levels, going in or coming out. */
function nodesByRoot(plan: QuantisationPlan): Map<Value, Set<number>> {
  const { graph, arithmetic, rootOf, levels } = plan;
  const nodes = new Map<Value, Set<number>>();
  const exact = new Set([...levels, ...graph.outputs.values()].map(rootOf));
  const rootsOf = (value: Value): readonly Value[] => {
    const { producer } = value;
    if (!producer || arithmetic(producer) !== "joining") return [rootOf(value)];
    return (producer.inputs as readonly Value[]).flatMap(rootsOf);
  };
  for (const [i, node] of liveNodes(graph).entries()) {
    const kind = arithmetic(node);
    if (kind === "float") continue;
    for (const root of [...integerInputs(node, kind), ...node.outputs].flatMap(rootsOf)) {
      if (!exact.has(root)) nodes.set(root, (nodes.get(root) ?? new Set()).add(i));
    }
  }
  return nodes;
}

async function outputOf(model: Model, patches: Patches): Promise<Float32Array> {
  const shape = patchShape(patches, patches.count);
  const { input, output } = imageNames(model.descriptor);
  const session = await createSession(withStandardRounding(instantiate(model, shape, { input, output })), {
    spinning: false,
  });
  try {
    const { outputs } = await session.run({ [input]: float32(patches.data.slice(), shape) });
    return outputs[output]?.data as Float32Array;
  } finally {
    await session.close();
  }
}

/**
 * Nodes that stay in float so that no more than a share of the noise remains: again and again those that take most of it for what they compute.
 * @param share of the sum of all noise, 0..1
 */
export function nodesInFloat(graph: Graph, noises: readonly RoundingNoise[], share: number): Set<number> {
  const nodes = liveNodes(graph);
  const costOf = (i: number) => operationsOf(nodes[i] as Node);
  const all = noises.reduce((sum, { error }) => sum + error, 0);
  const kept = new Set<number>();
  const left = new Set(noises);
  const errorOf = (list: readonly RoundingNoise[]) => list.reduce((sum, { error }) => sum + error, 0);
  while (left.size > 0 && errorOf([...left]) > share * all) {
    let best:
      | { readonly ends: readonly RoundingNoise[]; readonly nodes: ReadonlySet<number>; readonly worth: number }
      | undefined;
    for (const noise of left) {
      const with_ = new Set([...kept, ...noise.nodes]);
      const ends = [...left].filter((each) => [...each.nodes].every((node) => with_.has(node)));
      const cost = [...noise.nodes].reduce((sum, node) => sum + (kept.has(node) ? 0 : costOf(node)), 0);
      const worth = errorOf(ends) / Math.max(cost, 1);
      if (!best || worth > best.worth) best = { ends, nodes: noise.nodes, worth };
    }
    for (const noise of best?.ends ?? []) left.delete(noise);
    for (const node of best?.nodes ?? []) kept.add(node);
  }
  return kept;
}

/** Multiply-accumulates, and numbers that are written. */
const operationsOf = (node: Node): number =>
  multiplyAccumulates(node) + node.outputs.reduce((sum, { shape }) => sum + elements(shape), 0);
