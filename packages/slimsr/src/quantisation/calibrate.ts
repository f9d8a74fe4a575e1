import { applyLike, consumersOf, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { Sigmoid } from "@slimsr/core/internal/operators/index.js";
import {
  type ActivationScale,
  LARGEST_CODE,
  largestActivationCode,
  largestWeightCode,
  leastErrorScale,
  onGrid,
} from "@slimsr/core/internal/quantisation/integers.js";
import { integerInputs, type QuantisationPlan, rootsOfConvolutions } from "@slimsr/core/internal/quantisation/plan.js";
import {
  type CoarseQuantisation,
  dequantised,
  type FloatConvolution,
  type IntegerConvolution,
} from "@slimsr/core/internal/quantisation/qdq.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { batchesOf, type Patches, patchShape } from "../calibration/batches.js";
import { asJoined, type JoinedChannels, joinedChannels, readingJoined } from "./joined-channels.js";
import { NodeRunner } from "./node-runner.js";
import { isLayer, ofGroups, ownOf, type RefittedGroup, refitted } from "./refit.js";
import { roundedRows } from "./rounding.js";
import { alike, type Batches, mapped, sampleOf } from "./value-batches.js";

export interface CalibrationOptions {
  /** Bits of weights, their sign among them. */
  readonly bits: number;
  /** Bits of the activations that convolutions read; 8 where left out, as all others have. */
  readonly activationBits?: number;
  /** The scale of images in whole levels: of the network's output where integers make it, and of its input where they read it. */
  readonly levels: ActivationScale;
  readonly onNode?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Patches that are run at once. */
const BATCH = 8;

/**
 * The integers of a network, for images of the patches' size, node by node in the order of the data: each activation's scale is chosen by what reaches it through
 * those that are quantised before it, and each convolution is solved anew, by least squares from what it then reads to what
 * the float network makes there, and rounded where it computes with integers.
 * @throws NetworkError where activations aren't finite
 */
export async function calibrate(
  plan: QuantisationPlan,
  patches: Patches,
  options: CalibrationOptions,
): Promise<CoarseQuantisation> {
  const calibration = new Calibration(plan, patches, options);
  try {
    return await calibration.run();
  } finally {
    await calibration.close();
  }
}

class Calibration {
  readonly #runner = new NodeRunner();
  /** What the float network makes, and what this one does: before its rounding to integers, and after. */
  readonly #ideal = new Map<Value, Batches>();
  readonly #own = new Map<Value, Batches>();
  readonly #rounded = new Map<Value, Batches>();
  readonly #activations = new Map<Value, ActivationScale>();
  /** What convolutions read of what has more bits, and at which scale. */
  readonly #read = new Map<Value, Batches>();
  readonly #reads = new Map<Value, ActivationScale>();
  readonly #convolutions = new Map<Node, IntegerConvolution>();
  readonly #refits = new Map<Node, FloatConvolution>();
  /** What channels of joined integers stand for. */
  readonly #joined = new Map<Value, JoinedChannels>();
  /** Roots whose integers have no more bits than convolutions read. */
  readonly #coarse: ReadonlySet<Value>;
  readonly #nodes: readonly Node[];
  readonly #consumers: ReadonlyMap<Value, readonly Node[]>;

  constructor(
    private readonly plan: QuantisationPlan,
    patches: Patches,
    private readonly options: CalibrationOptions,
  ) {
    const { graph } = plan;
    this.#nodes = liveNodes(graph);
    this.#consumers = consumersOf(this.#nodes);
    this.#coarse = rootsOfConvolutions(plan);
    // Sizes that the network computes are those of the plan's one image.
    const isOfSizes = this.#nodes.some(({ outputs }) => outputs.some(isConstant));
    const images = batchesOf(patches, isOfSizes ? 1 : BATCH).map((part) =>
      float32(part.data, patchShape(part, part.count)),
    );
    this.#ideal.set(graph.inputs[0] as Value, images);
    this.#own.set(graph.inputs[0] as Value, images);
  }

  async run(): Promise<CoarseQuantisation> {
    const { graph, arithmetic, rootOf, rectified } = this.plan;
    const [output] = graph.outputs.values();
    const done = new Set<Node>();
    for (const [i, node] of this.#nodes.entries()) {
      this.options.signal?.throwIfAborted();
      await this.#idealOf(node);
      const kind = arithmetic(node);
      const isCut = rectified.get(node.inputs[0] as Value) === node.outputs[0] && kind === "moving";
      if (!isCut) {
        const made = kind === "joining" ? [await this.#join(node)] : await this.#ownOf(node);
        for (const [o, value] of node.outputs.entries()) {
          const batches = made[o] as Batches;
          if (kind === "float") this.#own.set(value, batches);
          else if (kind === "joining") this.#rounded.set(value, batches);
          else {
            const shown = rectified.get(value) ?? value;
            const cut = shown === value ? batches : mapped(batches, (data) => data.map((x) => Math.max(x, 0)));
            const scale = rootOf(shown) === rootOf(output as Value) ? this.options.levels : this.#scaleOf(shown, cut);
            this.#activations.set(rootOf(shown), scale);
            this.#rounded.set(shown, kind === "moving" ? cut : mapped(cut, (data) => onGrid(data, scale)));
          }
        }
      }
      done.add(node);
      this.#release(done);
      this.options.onNode?.(i + 1, this.#nodes.length);
    }
    const { bits } = this.options;
    return {
      ...{ activations: this.#activations, reads: this.#reads, bits },
      ...{ convolutions: this.#convolutions, refitted: this.#refits },
    };
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  async #idealOf(node: Node): Promise<void> {
    const outputs = await this.#apply(node, (value) => this.#ideal.get(value));
    for (const [i, value] of node.outputs.entries()) this.#ideal.set(value, outputs[i] as Batches);
  }

  /** What the node makes of this network's values, of integers where it computes with them. */
  async #ownOf(node: Node): Promise<Batches[]> {
    const kind = this.plan.arithmetic(node);
    const [x] = node.inputs as [Value];
    if (kind === "float") {
      const inputs = this.#numbersOf(x);
      if (!inputs || !isLayer(node) || alike(inputs, this.#ideal.get(x))) {
        return this.#apply(node, (value) => this.#numbersOf(value));
      }
      const convolution = ofGroups(await this.#refitted(node, inputs));
      this.#refits.set(node, convolution);
      return this.#convolve(node, inputs, convolution);
    }
    for (const value of integerInputs(node, kind)) this.#round(value);
    if (kind === "moving" || !isLayer(node)) return this.#apply(node, (value) => this.#rounded.get(value));
    const { batches, scale } = this.#readByConvolution(x);
    const convolution = await this.#solve(node, batches, scale);
    this.#convolutions.set(node, convolution);
    return this.#convolve(node, batches, dequantised(convolution));
  }

  /** What nodes in float read. */
  #numbersOf(value: Value): Batches | undefined {
    return this.#own.get(value) ?? this.#rounded.get(value);
  }

  /** Puts parts' integers side by side, to be read at the first one's scale. */
  async #join(node: Node): Promise<Batches> {
    const parts = node.inputs as readonly Value[];
    for (const value of parts) this.#round(value);
    const scaleOf = (value: Value) => this.#activations.get(this.plan.rootOf(value)) as ActivationScale;
    const scale = scaleOf(parts[0] as Value);
    const own = parts.map((value) => ({
      scale: scaleOf(value),
      channels: value.shape[1] as number,
      joined: this.#joined.get(value),
    }));
    const [output] = node.outputs as readonly [Value];
    if (this.#consumers.get(output)?.some((reader) => this.plan.arithmetic(reader) === "float")) {
      const [numbers] = await this.#apply(node, (value) => this.#numbersOf(value));
      this.#own.set(output, numbers as Batches);
    }
    this.#activations.set(output, scale);
    this.#joined.set(output, joinedChannels(own, scale));
    const read = new Map(
      parts.map((value) => [
        value,
        mapped(this.#rounded.get(value) as Batches, (data) => asJoined(data, scaleOf(value), scale)),
      ]),
    );
    const [made] = await this.#apply(node, (value) => read.get(value));
    return made as Batches;
  }

  #convolve(node: Node, inputs: Batches, { weight, bias }: FloatConvolution): Promise<Batches[]> {
    const [, weightPlace, biasPlace] = node.inputs as [Value, Value, Value];
    const fed = new Map([
      [weightPlace, weight],
      [biasPlace, bias],
    ]);
    return this.#apply(node, () => inputs, fed);
  }

  /** An activation's integers as convolutions read them: rounded once more where those have more bits. */
  #readByConvolution(value: Value): { batches: Batches; scale: ActivationScale } {
    const root = this.plan.rootOf(value);
    const batches = this.#rounded.get(value) as Batches;
    const largest = largestActivationCode(this.options.activationBits ?? 8);
    if (largest === LARGEST_CODE || this.#coarse.has(root)) {
      return { batches, scale: this.#activations.get(root) as ActivationScale };
    }
    const scale = this.#reads.get(root) ?? leastErrorScale(sampleOf(value, batches), largest);
    this.#reads.set(root, scale);
    const read = this.#read.get(value) ?? mapped(batches, (data) => onGrid(data, scale));
    this.#read.set(value, read);
    return { batches: read, scale };
  }

  /** Rounds what nodes in float make to integers that others read. */
  #round(value: Value): void {
    if (this.#rounded.has(value)) return;
    const batches = this.#own.get(value) as Batches;
    const scale = this.#scaleOf(value, batches);
    this.#activations.set(this.plan.rootOf(value), scale);
    this.#rounded.set(
      value,
      mapped(batches, (data) => onGrid(data, scale)),
    );
  }

  #scaleOf(value: Value, batches: Batches): ActivationScale {
    if (this.plan.levels.has(value)) return this.options.levels;
    const known = this.#activations.get(this.plan.rootOf(value));
    if (known) return known;
    const bits = this.#coarse.has(this.plan.rootOf(value)) ? this.options.activationBits : undefined;
    const readers = this.#consumers.get(value) ?? [];
    const isGate = readers.length > 0 && readers.every(({ operator }) => operator === Sigmoid);
    return leastErrorScale(sampleOf(value, batches), largestActivationCode(bits ?? 8), isGate ? logistic : undefined);
  }

  /** @param inputs what it reads, of integers of the scale */
  async #solve(node: Node, inputs: Batches, { scale: inputScale }: ActivationScale): Promise<IntegerConvolution> {
    const largest = largestWeightCode(this.options.bits);
    const parts = (await this.#refitted(node, inputs)).map((group) => roundedRows(group, { largest, inputScale }));
    return {
      codes: Int8Array.from(parts.flatMap(({ codes }) => [...codes])),
      scales: Float32Array.from(parts.flatMap(({ scales }) => [...scales])),
      bias: Float32Array.from(parts.flatMap(({ bias }) => [...bias])),
    };
  }

  #refitted(node: Node, inputs: Batches): Promise<RefittedGroup[]> {
    const [x] = node.inputs as [Value];
    const joined = this.#joined.get(x);
    const start = joined ? readingJoined(node, ownOf(node), joined) : ownOf(node);
    return refitted(
      this.#runner,
      node,
      { inputs, ideals: this.#ideal.get(node.outputs[0] as Value) as Batches },
      start,
    );
  }

  /** @param fed contents of some of the constants */
  async #apply(
    node: Node,
    batchesOfValue: (value: Value) => Batches | undefined,
    fed: ReadonlyMap<Value, Float32Array> = new Map(),
  ): Promise<Batches[]> {
    // Sessions are shared by layers of one structure; what isn't a layer's weight, as a factor of sizes, is part of that.
    const learned = new Set((node.operator.learned ?? []).map((i) => node.inputs[i]));
    const isFed = (value: Value) => value.data instanceof Float32Array && learned.has(value);
    const values = [...new Set(node.inputs.filter((value) => value !== undefined))];
    const read = values.filter((value) => !isConstant(value) || isFed(value));
    const count = (this.#ideal.get(this.plan.graph.inputs[0] as Value) ?? []).length;
    const outputs = node.outputs.map((): Tensor[] => []);
    for (let i = 0; i < count; i++) {
      const tensors = read.map((value) =>
        isConstant(value)
          ? float32(fed.get(value) ?? (value.data as Float32Array), value.shape)
          : ((batchesOfValue(value) as Batches)[i] as Tensor),
      );
      const made = await this.#runner.run(tensors, (graph, places) => {
        const own = new Map(read.map((value, at) => [value, places[at] as Value]));
        const inputs = node.inputs.map((value) => {
          if (!value) return undefined;
          const data = value.data ?? value.known;
          return own.get(value) ?? (data && graph.constant(data, value.shape, { dtype: value.dtype }));
        });
        for (const [at, value] of applyLike(node, graph, inputs).entries()) graph.output(`out.${at}`, value);
      });
      for (const [at, list] of outputs.entries()) list.push(made[`out.${at}`] as Tensor);
    }
    return outputs;
  }

  /** Lets go of what nothing reads any more; the image's count of batches stays. */
  #release(done: ReadonlySet<Node>): void {
    const image = this.plan.graph.inputs[0];
    for (const held of [this.#ideal, this.#own, this.#rounded, this.#read]) {
      for (const value of held.keys()) {
        const readers = this.#consumers.get(value) ?? [];
        if (value !== image && readers.every((node) => done.has(node))) held.delete(value);
      }
    }
  }
}

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

const isConstant = ({ data, known }: Value): boolean => data !== undefined || known !== undefined;
