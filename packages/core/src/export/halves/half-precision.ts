import { NetworkError } from "../../errors.js";
import {
  DATA_TYPES,
  Graph,
  int,
  isKnown,
  liveNodes,
  type Node,
  showShape,
  toHalves,
  type Value,
} from "../../graph/index.js";
import { Cast, cast, Resize } from "../../operators/index.js";

/** The largest number that half precision holds. */
const MOST = 65504;

/**
 * A graph in half precision between inputs and outputs in single precision. Sizes that it computes keep the precision that they have.
 * @param from what is done to an input, and @param back to an output, in single precision
 * @throws NetworkError where a constant is too large
 */
export function inHalfPrecision(source: Graph, from: (x: Value) => Value, back: (y: Value) => Value): Graph {
  return new Halving(source, from).run(back);
}

class Halving {
  readonly #target: Graph;
  readonly #halves = new Map<Value, Value>();
  readonly #singles = new Map<Value, Value>();

  constructor(
    private readonly source: Graph,
    from: (x: Value) => Value,
  ) {
    const parameters = source.constants.map(({ name }) => name);
    this.#target = new Graph(source.name, [...source.outputs.keys(), ...parameters]);
    for (const value of source.inputs) {
      const { name, shape, dtype } = value;
      this.#halves.set(value, cast(from(this.#target.input(name, shape, dtype)), "float16"));
    }
  }

  run(back: (y: Value) => Value): Graph {
    for (const node of liveNodes(this.source)) this.#write(node);
    for (const [name, value] of this.source.outputs) {
      this.#target.output(name, back(cast(this.#half(value), "float32")));
    }
    return this.#target;
  }

  #write(node: Node): void {
    const isSize = node.outputs.every(isKnown);
    const inputs = node.inputs.map((value, i) => {
      if (!value) return undefined;
      const single = isSize || value.dtype !== "float32" || (node.operator === Resize && i > 0);
      return single ? this.#single(value) : this.#half(value);
    });
    const isCast = !isSize && node.operator === Cast && node.outputs[0]?.dtype === "float32";
    const attributes = isCast ? { ...node.attributes, to: int(DATA_TYPES.float16.onnx) } : node.attributes;
    this.#target.apply(node.operator, inputs, attributes).forEach((value, i) => {
      const { dtype } = value;
      (dtype === "float16" ? this.#halves : this.#singles).set(node.outputs[i] as Value, value);
    });
  }

  #half(value: Value): Value {
    const known = this.#halves.get(value);
    if (known) return known;
    const single = this.#singles.get(value);
    const made = value.data ? this.#halfConstant(value) : cast(single as Value, "float16");
    this.#halves.set(value, made);
    return made;
  }

  #single(value: Value): Value {
    const known = this.#singles.get(value);
    if (known) return known;
    const { data, shape, dtype, name } = value;
    const made = data
      ? this.#target.constant(data, shape, { dtype, name: this.#target.unusedName(name) })
      : cast(this.#halves.get(value) as Value, "float32");
    this.#singles.set(value, made);
    return made;
  }

  #halfConstant({ data, shape, name }: Value): Value {
    const numbers = data as Float32Array;
    const large = numbers.find((number) => Math.abs(number) > MOST && Number.isFinite(number));
    if (large !== undefined) {
      throw new NetworkError(
        `${name} ${showShape(shape)} holds ${large.toPrecision(4)}, which half precision can't (up to ${MOST}); leave the network in single precision`,
      );
    }
    return this.#target.constant(toHalves(numbers), shape, {
      dtype: "float16",
      name: this.#target.unusedName(name),
    });
  }
}
