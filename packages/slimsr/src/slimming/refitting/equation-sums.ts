import { elements, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import type { Exchange } from "../../exchange/exchange.js";
import { addScaled } from "../linear-algebra/matrices.js";
import { crossOfCorrelations, declareCorrelations, gramOfCorrelations, isCorrelated } from "./correlation-sums.js";
import { declareProducts } from "./feature-sums.js";

/** What outputs that are added up are called first. */
const PREFIX = "sum.";

/**
 * A convolution's normal equations, summed up batch by batch: of features a (what it reads under each tap, and 1 for the bias) and of targets r. Features are
 * ordered tap by tap, the constant last: F = kh·kw·C + 1, or without the constant where there is no bias.
 */
export class EquationSums {
  readonly #sums = new Map<string, Float64Array>();
  readonly #correlated: boolean;
  #positions = 0;

  /**
   * @param filters O of the student's convolution, and `channels` that each of its `groups` reads
   * @param withGram whether Σ a·aᵀ is summed up too
   */
  constructor(
    private readonly node: Node,
    private readonly size: { readonly filters: number; readonly channels: number; readonly groups: number },
    private readonly withGram: boolean,
  ) {
    this.#correlated = size.groups === 1 && isCorrelated(node);
  }

  /** Declares what a batch adds, as outputs of its graph. @param x [N, C, H, W] and `target` r, [N, O, height, width] */
  declare(x: Value, target: Value): void {
    const { node, withGram } = this;
    const output = (name: string, value: Value) => x.graph.output(`${PREFIX}${name}`, value);
    this.#positions += (target.shape[0] as number) * elements(target.shape.slice(2));
    if (this.#correlated) declareCorrelations(x, target, withGram, output);
    else declareProducts(x, node, target, this.size.groups, withGram, output);
  }

  /** Adds what a graph computed of which `declare` declared outputs. */
  add(outputs: Readonly<Record<string, Tensor>>): void {
    for (const [name, { data }] of Object.entries(outputs)) {
      if (!name.startsWith(PREFIX)) continue;
      const sum = this.#sums.get(name) ?? new Float64Array(data.length);
      addScaled(sum, data as Float32Array, 1);
      this.#sums.set(name, sum);
    }
  }

  /** Adds up what all ranks have. */
  async exchange(exchange: Exchange): Promise<void> {
    const positions = Float64Array.of(this.#positions);
    for (const sum of [...this.#sums.values(), positions]) await exchange.sum(sum);
    [this.#positions] = positions as unknown as [number];
  }

  /** Of the targets, in all batches. */
  get positions(): number {
    return this.#positions;
  }

  /** Σ a·aᵀ, [groups, F, F]. */
  gram(): Float64Array {
    if (!this.#correlated) return this.#sum("gram");
    return gramOfCorrelations((name) => this.#sum(name), this.size.channels, this.#biased, this.#positions);
  }

  /** Σ r·aᵀ, [groups, O, F]. */
  cross(): Float64Array {
    if (!this.#correlated) return this.#sum("cross");
    const { filters, channels } = this.size;
    return crossOfCorrelations((name) => this.#sum(name), filters, channels, this.#biased);
  }

  get #biased(): boolean {
    return this.node.inputs[2] !== undefined;
  }

  #sum(name: string): Float64Array {
    return this.#sums.get(`${PREFIX}${name}`) as Float64Array;
  }
}
