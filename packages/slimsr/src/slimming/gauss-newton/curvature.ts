import { differentiate } from "@slimsr/core/internal/differentiate/index.js";
import type { Graph, Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { layerOfWeight } from "@slimsr/core/internal/model/split.js";
import type { ParameterShapes } from "@slimsr/core/internal/networks/index.js";
import { matMul, mul, reduceSum, reshape } from "@slimsr/core/internal/operators/index.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { type Patches, patchShape } from "../../calibration/batches.js";
import { requireFinite } from "../../calibration/finite.js";
import { outputShape, probeOf } from "../../calibration/output-error.js";
import { compile } from "../../engine/compile.js";
import { SessionsBySize } from "../../engine/sessions-by-size.js";
import { alone, type Exchange } from "../../exchange/exchange.js";
import { randomSigns } from "../../random.js";
import type { Cholesky } from "../linear-algebra/cholesky.js";
import { damped } from "../linear-algebra/damped.js";
import { addScaled, traceOf, transposed } from "../linear-algebra/matrices.js";
import { EquationSums } from "../refitting/equation-sums.js";
import { fromRows, toRows } from "../refitting/normal-equations.js";
import { featuresOf, type Layer } from "./layers.js";
import { studentGraph } from "./student-graph.js";

/** Relative to the mean of each factor's diagonal. */
const DAMPING = 0.01;

/** Ω and Γ of one group of a layer, damped and factorised; undefined where the output doesn't depend on it. */
type Factors = { readonly features: Cholesky; readonly filters: Cholesky } | undefined;

/**
 * The Gauss–Newton matrix Jᵀ·M·J of a student's outputs, roughly: layer by layer Ω ⊗ Γ, with Ω = Σ a·aᵀ of the features a that its filters read and
 * Γ the mean over positions of g·gᵀ, of the outputs' gradients g at its own outputs (Martens and Grosse 2015; Grosse and Martens 2016, section 3.1).
 */
export class Curvature {
  constructor(private readonly layers: readonly (readonly [Layer, readonly Factors[]])[]) {}

  /** What is solved for a gradient g: Γ⁻¹·g·Ω⁻¹, with each layer's g as [O, F]. Where outputs don't depend on a layer, nothing. */
  solve(gradient: Float64Array): Float64Array {
    const solution = new Float64Array(gradient.length);
    for (const [layer, factors] of this.layers) {
      const { taps, start, end, bias } = layer;
      const [filters, features] = [layer.filters / layer.groups, featuresOf(layer)];
      const weights = filters * layer.channels * taps;
      for (const [g, known] of factors.entries()) {
        if (!known) continue;
        const weightAt = start + g * weights;
        const biasAt = end - layer.filters + g * filters;
        const own = {
          weight: gradient.subarray(weightAt, weightAt + weights),
          ...(bias !== undefined && { bias: gradient.subarray(biasAt, biasAt + filters) }),
        };
        const rows = toRows(own, filters, features, taps);
        known.features.solve(rows);
        const columns = transposed(rows, filters, features);
        known.filters.solve(columns);
        const solved = fromRows(transposed(columns, features, filters), filters, features, taps, bias !== undefined);
        solution.set(solved.weight, weightAt);
        if (solved.bias) solution.set(solved.bias, biasAt);
      }
    }
    return solution;
  }
}

/**
 * @param vector the student's parameters, in the order of `shapes`
 * @param batches patches that it is taken from, which ranks share out
 * @throws NetworkError where activations or gradients overflow
 */
export async function curvatureOf(
  student: Model,
  layers: readonly Layer[],
  shapes: ParameterShapes,
  vector: Float32Array,
  batches: readonly Patches[],
  { exchange: ranks, signal }: { readonly exchange: Exchange; readonly signal: AbortSignal | undefined },
): Promise<Curvature> {
  // Of fewer batches than ranks each rank runs all.
  const exchange = batches.length < ranks.size ? alone : ranks;
  const sums = layers.map(
    ({ node, filters, channels, groups }, i) =>
      new EquationSums(node, { filters, channels, groups }, ["gram"], `layer.${i}`),
  );
  const moments = layers.map(({ filters, groups }) => new Float64Array(filters ** 2 / groups));
  const sessions = new SessionsBySize((size) => compile(probedGraph(student, layers, shapes, sums, batches, size)));
  const signs = randomSigns(1);
  try {
    for (const [i, part] of batches.entries()) {
      signal?.throwIfAborted();
      const shape = patchShape(part, part.count);
      const output = outputShape(student, shape);
      // Drawn for other ranks' batches too, so that each batch has the same on any number of ranks.
      const probe = probeOf(output, signs);
      if (i % exchange.size !== exchange.rank) continue;
      const session = await sessions.of(part.count);
      const { outputs } = await session.run({
        ...{ parameters: float32(vector, [vector.length]), lr: float32(part.data, shape) },
        probe: float32(probe, output),
      });
      for (const sum of sums) sum.add(outputs);
      for (const [l, moment] of moments.entries()) {
        addScaled(moment, (outputs[`gradient.${l}`] as Tensor).data as Float32Array, 1);
      }
    }
  } finally {
    await sessions.close();
  }
  for (const sum of sums) await sum.exchange(exchange);
  for (const moment of moments) await exchange.sum(moment);
  return new Curvature(
    layers.map((layer, l) => [layer, factorised(layer, sums[l] as EquationSums, moments[l] as Float64Array)] as const),
  );
}

/** The student with what a batch adds to its layers' factors: outputs of EquationSums, and `gradient.i` [groups, O, O]. */
function probedGraph(
  student: Model,
  layers: readonly Layer[],
  shapes: ParameterShapes,
  sums: readonly EquationSums[],
  [patches]: readonly Patches[],
  size: number,
): Graph {
  const { graph, output, known } = studentGraph(student, shapes, patches as Patches, size);
  const total = reduceSum(mul(output, graph.input("probe", output.shape)));
  const copyOf = (value: Value | undefined) => known.get(value as Value) as Value;
  const gradients = differentiate(
    total,
    layers.map(({ node }) => copyOf(node.outputs[0])),
  );
  layers.forEach(({ node, groups }, i) => {
    const gradient = gradients[i] as Value;
    sums[i]?.declare(copyOf(node.inputs[0]), gradient);
    const [count, filters, height, width] = gradient.shape as [number, number, number, number];
    const each = reshape(gradient, [count, groups, filters / groups, height * width]);
    graph.output(`gradient.${i}`, reduceSum(matMul(each, each, { transposeRight: true }), { axes: [0] }));
  });
  return graph;
}

/** @param moments Σ g·gᵀ, [groups, O, O] */
function factorised(layer: Layer, sums: EquationSums, moments: Float64Array): Factors[] {
  const { groups, node } = layer;
  const name = layerOfWeight(node.inputs[1] as Value);
  const [filters, features] = [layer.filters / groups, featuresOf(layer)];
  const gram = sums.gram();
  requireFinite(gram, `the input of layer ${name}`);
  requireFinite(moments, `the output's gradient at layer ${name}`);
  return Array.from({ length: groups }, (_, g) => {
    const own = gram.subarray(g * features ** 2, (g + 1) * features ** 2);
    const gradients = moments
      .subarray(g * filters ** 2, (g + 1) * filters ** 2)
      .map((moment) => moment / sums.positions);
    if (traceOf(own, features) === 0 || traceOf(gradients, filters) === 0) return undefined;
    return { features: damped(own, features, DAMPING), filters: damped(gradients, filters, DAMPING) };
  });
}
