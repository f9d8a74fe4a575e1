import {
  elements,
  Graph,
  isKnown,
  liveNodes,
  type Node,
  type Operator,
  type Shape,
  type Value,
} from "../graph/index.js";
import { Add, Conv, Div, Mul, mul, Sub } from "../operators/index.js";

/** A convolution that hasn't been written yet: constants around it may still go into its weight and bias. */
interface Pending {
  readonly node: Node;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * The same network with constant factors and offsets folded into convolutions, which makes it smaller and lets the engine keep
 * its own layout: a factor on a convolution's input or output goes into its weight, so does a factor a channel behind it, and an
 * offset behind it into its bias. An offset before a convolution stays, for the zeros around the image don't have it.
 */
export function foldConstants(source: Graph): Graph {
  return new Folding(source).run();
}

class Folding {
  readonly #target: Graph;
  readonly #readers = new Map<Value, number>();
  readonly #images = new Map<Value, Value>();
  readonly #pending = new Map<Value, Pending>();
  /** Constants that parameters of a name have become. */
  readonly #written = new Map<string, Value[]>();
  /** Values that are another one times a number. */
  readonly #scaled = new Map<Value, { of: Value; factor: number }>();

  constructor(private readonly source: Graph) {
    // What is made on the way takes no parameter's name.
    const parameters = source.constants.map(({ name }) => name);
    this.#target = new Graph(source.name, [...source.outputs.keys(), ...parameters]);
    for (const { name, shape, dtype } of source.inputs) this.#target.input(name, shape, dtype);
    source.inputs.forEach((value, i) => {
      this.#images.set(value, this.#target.inputs[i] as Value);
    });
    for (const node of liveNodes(source)) for (const value of node.inputs) if (value) this.#count(value);
    for (const value of source.outputs.values()) this.#count(value);
  }

  run(): Graph {
    for (const node of liveNodes(this.source)) if (!this.#fold(node)) this.#write(node);
    for (const [name, value] of this.source.outputs) this.#target.output(name, this.#image(value));
    return this.#target;
  }

  #count(value: Value): void {
    this.#readers.set(value, (this.#readers.get(value) ?? 0) + 1);
  }

  /** Whether the node needs no writing, now or ever. */
  #fold(node: Node): boolean {
    const [x, operand] = activationFirst(node);
    const output = node.outputs[0] as Value;
    // What is computed with sizes is exact as it stands: a factor is not a divisor.
    if (!x || !operand || isKnown(output)) return false;
    if (node.operator === Conv) return this.#hold(node, x, operand, output);
    const number = operand.data instanceof Float32Array && elements(operand.shape) === 1 ? operand.data[0] : undefined;
    const held = this.#readers.get(x) === 1 ? this.#pending.get(x) : undefined;
    if ((node.operator === Mul || node.operator === Div) && number !== undefined) {
      const factor = node.operator === Mul ? number : 1 / number;
      if (held) this.#replace(x, output, multiplied(held, factor));
      else this.#scaled.set(output, { of: x, factor });
      return true;
    }
    const each = held && perChannel(operand, held.bias.length);
    const folded = each && folding(node.operator, held, each);
    if (folded) this.#replace(x, output, folded);
    return folded !== undefined;
  }

  #hold(node: Node, x: Value, weight: Value, output: Value): boolean {
    const bias = node.inputs[2];
    if (!(weight.data instanceof Float32Array) || (bias && !(bias.data instanceof Float32Array))) return false;
    const factor = this.#scaled.get(x)?.factor ?? 1;
    this.#pending.set(output, {
      node,
      weight: weight.data.map((w) => w * factor),
      bias: bias ? (bias.data as Float32Array) : new Float32Array(weight.shape[0] as number),
    });
    return true;
  }

  #replace(x: Value, output: Value, held: Pending): void {
    this.#pending.delete(x);
    this.#pending.set(output, held);
  }

  /** The value in the new graph; a convolution that was held back is written now, and before it what it reads. */
  #image(value: Value): Value {
    let made = this.#images.get(value);
    // By hand, for networks may be longer than calls can nest.
    const waiting = made ? [] : [{ value, work: this.#make(value) }];
    for (let last = waiting.at(-1); last; last = waiting.at(-1)) {
      const { done, value: next } = last.work.next(made as Value);
      made = done ? next : this.#images.get(next);
      if (done) {
        this.#images.set(last.value, next);
        waiting.pop();
      } else if (!made) waiting.push({ value: next, work: this.#make(next) });
    }
    return made as Value;
  }

  /** Asks for the images of what it reads. */
  *#make(value: Value): Generator<Value, Value, Value> {
    const held = this.#pending.get(value);
    if (held) return yield* this.#writeConvolution(held);
    const scaled = this.#scaled.get(value);
    if (scaled) return mul(yield scaled.of, scaled.factor);
    if (!value.data) throw new TypeError(`${value.name} is used before it is made`);
    return this.#target.constant(value.data, value.shape, { dtype: value.dtype });
  }

  *#writeConvolution({ node, weight, bias }: Pending): Generator<Value, Value, Value> {
    const [x, { name, shape }, biasPlace] = node.inputs as [Value, Value, Value | undefined];
    // The factor of a scaled input went into the weight.
    const input = this.#scaled.get(x)?.of ?? x;
    const isBiased = biasPlace !== undefined || bias.some((b) => b !== 0);
    const parameters = [
      this.#parameter(name, weight, shape),
      ...(isBiased ? [this.#parameter(biasPlace?.name ?? `${name}.bias`, bias, [bias.length])] : []),
    ];
    return this.#target.apply(Conv, [yield input, ...parameters], node.attributes)[0] as Value;
  }

  /** A parameter that several convolutions share is written once, and again where what is folded into it differs. */
  #parameter(name: string, data: Float32Array, shape: Shape): Value {
    const written = this.#written.get(name) ?? [];
    const equal = written.find((value) => sameNumbers(value.data as Float32Array, data));
    const made = equal ?? this.#target.constant(data, shape, { name: this.#target.unusedName(name) });
    if (!equal) this.#written.set(name, [...written, made]);
    return made;
  }

  #write(node: Node): void {
    const inputs = node.inputs.map((value) => value && this.#image(value));
    const outputs = this.#target.apply(node.operator, inputs, node.attributes);
    node.outputs.forEach((value, i) => {
      this.#images.set(value, outputs[i] as Value);
    });
  }
}

const sameNumbers = (a: Float32Array, b: Float32Array): boolean =>
  a.length === b.length && a.every((number, i) => number === b[i]);

/** The operands, of a sum or product the constant last. */
const activationFirst = ({ operator, inputs }: Node): Node["inputs"] =>
  (operator === Add || operator === Mul) && inputs[0]?.data && !inputs[1]?.data ? inputs.toReversed() : inputs;

const multiplied = ({ node, weight, bias }: Pending, factor: number): Pending => ({
  node,
  weight: weight.map((w) => w * factor),
  bias: bias.map((b) => b * factor),
});

/** A convolution with what an operator does to each of its filters' outputs; undefined where that can't be folded in. */
function folding(operator: Operator, held: Pending, each: Float32Array): Pending | undefined {
  const { node, weight, bias } = held;
  const of = (i: number) => each[i] as number;
  if (operator === Add) return { ...held, bias: bias.map((b, i) => b + of(i)) };
  if (operator === Sub) return { ...held, bias: bias.map((b, i) => b - of(i)) };
  if (operator !== Mul) return undefined;
  const size = weight.length / bias.length;
  return { node, weight: weight.map((w, at) => w * of(Math.floor(at / size))), bias: bias.map((b, i) => b * of(i)) };
}

/** A constant as one number per channel; undefined where it varies otherwise. */
function perChannel({ data, shape }: Value, channels: number): Float32Array | undefined {
  if (!(data instanceof Float32Array)) return undefined;
  if (data.length === 1) return new Float32Array(channels).fill(data[0] as number);
  return data.length === channels && shape.at(-3) === channels ? data : undefined;
}
