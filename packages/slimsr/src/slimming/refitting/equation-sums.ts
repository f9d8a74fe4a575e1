import { elements, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import type { Exchange } from "../../exchange/exchange.js";
import { addScaled } from "../linear-algebra/matrices.js";
import { crossOfCorrelations, declareCorrelations, gramOfCorrelations, isCorrelated } from "./correlation-sums.js";
import { declareProducts } from "./feature-sums.js";
import type { Sought } from "./sought.js";

/**
 * A convolution's normal equations, summed up batch by batch: of features a (what it reads under each tap, and 1 for the bias) and of targets r. Features are
 * ordered tap by tap, the constant last: F = kh·kw·C + 1, or without the constant where there is no bias.
 */
export class EquationSums {
  readonly #sums = new Map<string, Float64Array>();
  readonly #correlated: boolean;

  /**
   * @param filters O of the student's convolution, and `channels` that each of its `groups` reads
   * @param name what the outputs that are added up are called first; another for each convolution of a graph
   */
  constructor(
    private readonly node: Node,
    private readonly size: { readonly filters: number; readonly channels: number; readonly groups: number },
    private readonly sought: readonly Sought[],
    private readonly name = "sum",
  ) {
    this.#correlated = size.groups === 1 && isCorrelated(node);
  }

  /** Declares what a batch adds, as outputs of its graph. @param x [N, C, H, W] and `target` r, [N, O, height, width] */
  declare(x: Value, target: Value): void {
    const { node, sought } = this;
    const output = (name: string, value: Value) => x.graph.output(`${this.name}.${name}`, value);
    output("positions", x.graph.scalar((target.shape[0] as number) * elements(target.shape.slice(2))));
    if (this.#correlated) declareCorrelations(x, target, sought, output);
    else declareProducts(x, node, target, this.size.groups, sought, output);
  }

  /** Adds what a graph computed of which `declare` declared outputs. */
  add(outputs: Readonly<Record<string, Tensor>>): void {
    for (const [name, { data }] of Object.entries(outputs)) {
      if (!name.startsWith(`${this.name}.`)) continue;
      const sum = this.#sums.get(name) ?? new Float64Array(data.length);
      addScaled(sum, data as Float32Array, 1);
      this.#sums.set(name, sum);
    }
  }

  /** Adds up what all ranks have. */
  async exchange(exchange: Exchange): Promise<void> {
    for (const sum of this.#sums.values()) await exchange.sum(sum);
  }

  /** Of the targets, in all batches. */
  get positions(): number {
    return this.#sum("positions")[0] as number;
  }

  /** Σ a·aᵀ, [groups, F, F]. */
  gram(): Float64Array {
    if (!this.#correlated) return this.#sum("gram");
    return gramOfCorrelations((name) => this.#sum(name), this.size.channels, this.#biased, this.positions);
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
    return this.#sums.get(`${this.name}.${name}`) as Float64Array;
  }
}
