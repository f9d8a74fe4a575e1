import { differentiate } from "@slimsr/core/internal/differentiate/index.js";
import { flatten } from "@slimsr/core/internal/model/flat.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { ParameterShapes } from "@slimsr/core/internal/networks/index.js";
import { mul, sub } from "@slimsr/core/internal/operators/index.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { type Patches, patchShape } from "../../calibration/batches.js";
import { errorBetween, errorOf, outputShape } from "../../calibration/output-error.js";
import { batchOutputs } from "../../calibration/outputs.js";
import { compile } from "../../engine/compile.js";
import { SessionsBySize } from "../../engine/sessions-by-size.js";
import { type Exchange, ownOf } from "../../exchange/exchange.js";
import { addScaled } from "../linear-algebra/matrices.js";
import { studentGraph } from "./student-graph.js";

/** A network's images of batches, one after another. */
export type Images = readonly Float32Array[];

interface Batch {
  readonly patches: Patches;
  /** What the teacher makes of them. */
  readonly ideal: Float32Array;
}

/** Batches that a student is fitted to, some of these, on which steps are measured, and others, which say what they are worth. */
export interface FittingBatches {
  readonly fitted: readonly Patches[];
  readonly sample: readonly Patches[];
  readonly unseen: readonly Patches[];
}

export type Measured = "sample" | "unseen";

/** How far a student's images are from its teacher's, as a function of the parameters that are moved. Ranks share the batches out. */
export class StudentError {
  readonly #gradients: SessionsBySize;
  readonly #outputs: SessionsBySize;

  private constructor(
    private readonly student: Model,
    shapes: ParameterShapes,
    private readonly own: Readonly<Record<keyof FittingBatches, readonly Batch[]>>,
    patches: Patches,
    private readonly exchange: Exchange,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#gradients = new SessionsBySize((size) => compile(gradientGraph(student, shapes, patches, size)));
    this.#outputs = new SessionsBySize((size) => {
      const { graph, output } = studentGraph(student, shapes, patches, size);
      graph.output("sr", output);
      return compile(graph);
    });
  }

  static async open(
    teacher: Model,
    student: Model,
    shapes: ParameterShapes,
    { fitted, sample, unseen }: FittingBatches,
    { exchange, signal }: { readonly exchange: Exchange; readonly signal: AbortSignal | undefined },
  ): Promise<StudentError> {
    const withIdeals = async (batches: readonly Patches[]): Promise<Batch[]> => {
      const own = ownOf(batches, exchange);
      const ideals = await batchOutputs(teacher, own, signal);
      return own.map((patches, i) => ({ patches, ideal: ideals[i] as Float32Array }));
    };
    const all = await withIdeals(fitted);
    const sampled = all.filter(({ patches }) => sample.includes(patches));
    const own = { fitted: all, sample: sampled, unseen: await withIdeals(unseen) };
    return new StudentError(student, shapes, own, fitted[0] as Patches, exchange, signal);
  }

  /** The gradient of half the error on the batches that are fitted to. */
  async gradient(vector: Float32Array): Promise<Float64Array> {
    const sum = new Float64Array(vector.length);
    for (const { patches, ideal } of this.own.fitted) {
      const outputs = await this.#run(this.#gradients, patches, vector, { ideal });
      addScaled(sum, outputs.gradient?.data as Float32Array, 1);
    }
    await this.exchange.sum(sum);
    return sum;
  }

  /** The student's images of some batches. */
  async images(vector: Float32Array, of: Measured): Promise<Images> {
    const images: Float32Array[] = [];
    for (const { patches } of this.own[of]) {
      const { sr } = await this.#run(this.#outputs, patches, vector);
      images.push(sr?.data as Float32Array);
    }
    return images;
  }

  /** How far images of some batches are from others, or from the teacher's where those are left out. */
  async between(of: Measured, images: Images, others?: Images): Promise<number> {
    const sum = new Float64Array(1);
    for (const [i, { patches, ideal }] of this.own[of].entries()) {
      const shape = outputShape(this.student, patchShape(patches, patches.count));
      sum[0] = (sum[0] as number) + errorBetween(images[i] as Float32Array, others?.[i] ?? ideal, shape);
    }
    await this.exchange.sum(sum);
    return sum[0] as number;
  }

  async close(): Promise<void> {
    await Promise.all([this.#gradients.close(), this.#outputs.close()]);
  }

  async #run(
    sessions: SessionsBySize,
    patches: Patches,
    vector: Float32Array,
    { ideal }: { readonly ideal?: Float32Array } = {},
  ): Promise<Readonly<Record<string, Tensor>>> {
    this.signal?.throwIfAborted();
    const shape = patchShape(patches, patches.count);
    const session = await sessions.of(patches.count);
    const { outputs } = await session.run({
      ...{ parameters: float32(vector, [vector.length]), lr: float32(patches.data, shape) },
      ...(ideal && { ideal: float32(ideal, outputShape(this.student, shape)) }),
    });
    return outputs;
  }
}

function gradientGraph(student: Model, shapes: ParameterShapes, patches: Patches, size: number) {
  const { graph, parameters, output } = studentGraph(student, shapes, patches, size);
  const half = mul(errorOf(sub(output, graph.input("ideal", output.shape))), 0.5);
  graph.output("gradient", flatten(differentiate(half, parameters)));
  return graph;
}
