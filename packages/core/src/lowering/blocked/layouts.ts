import type { Graph, Value } from "../../graph/index.js";
import { cast } from "../../operators/index.js";
import { reorderInput, reorderOutput } from "./operators.js";

/** The engine reorders float32 only. */
const asFloat = (x: Value, reorder: (x: Value) => Value): Value =>
  x.dtype === "float32" ? reorder(x) : cast(reorder(cast(x, "float32")), x.dtype);

/** Values of a graph that is being rewritten, in NCHW, in the blocked layout or in both; the other form is made when asked for. */
export class Layouts {
  readonly #plain = new Map<Value, Value>();
  readonly #blocked = new Map<Value, Value>();

  constructor(
    readonly target: Graph,
    readonly block: number,
  ) {}

  setPlain(source: Value, image: Value): void {
    this.#plain.set(source, image);
  }

  setBlocked(source: Value, image: Value): void {
    this.#blocked.set(source, image);
  }

  /** Whether the value is there in the blocked layout and not in NCHW. */
  isBlocked(source: Value): boolean {
    return this.#blocked.has(source) && !this.#plain.has(source);
  }

  hasBlocked(source: Value): boolean {
    return this.#blocked.has(source);
  }

  /** Whether the value has a shape that fills whole blocks. */
  fits({ shape, dtype }: Value): boolean {
    return shape.length === 4 && dtype === "float32" && (shape[1] as number) % this.block === 0;
  }

  plain(source: Value): Value {
    const known = this.#plain.get(source);
    if (known) return known;
    const blocked = this.#blocked.get(source);
    const channels = source.shape[1] as number;
    const made = blocked ? asFloat(blocked, (x) => reorderOutput(x, channels)) : this.#constant(source);
    this.#plain.set(source, made);
    return made;
  }

  blocked(source: Value): Value {
    const known = this.#blocked.get(source);
    if (known) return known;
    const made = asFloat(this.plain(source), reorderInput);
    this.#blocked.set(source, made);
    return made;
  }

  #constant({ name, data, shape, dtype }: Value): Value {
    if (!data) throw new TypeError(`${name} is used before it is made`);
    return this.target.constant(data, shape, { dtype });
  }
}
