import { GraphError } from "../errors.js";
import type { Attributes } from "./attributes.js";
import { knownContents } from "./contents.js";
import { inferOutputs } from "./operands.js";
import type { Operator } from "./operator.js";
import { DATA_TYPES, type DataType, elements, isShape, type Shape, showShape, type TensorData } from "./types.js";

/** A tensor of known element type and shape: an input, a constant (it then has `data`) or a node's output. */
export interface Value {
  readonly graph: Graph;
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly producer?: Node;
  readonly data?: TensorData;
  /** The content of a node's output that follows from constants and shapes, such as a size that is computed. */
  readonly known?: TensorData;
}

/** One operator applied to values. Optional inputs that are left out are undefined. */
export interface Node {
  readonly operator: Operator;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

export interface ApplyOptions {
  /** Names of the outputs; outputs past them aren't made. All are, with names from the operator's, where left out. */
  names?: readonly string[];
}

/**
 * A directed acyclic graph of tensor operators, in the order of their construction, which is a topological order.
 * Shapes are static and inferred when a node is added: what doesn't fit is an error at once.
 */
export class Graph {
  readonly inputs: Value[] = [];
  readonly constants: Value[] = [];
  readonly nodes: Node[] = [];
  readonly #outputs = new Map<string, Value>();
  readonly #names = new Set<string>();
  readonly #shared = new Map<string, Value>();
  readonly #counts = new Map<string, number>();
  readonly #uses = new Map<string, number>();

  readonly #reserved: ReadonlySet<string>;

  /** @param reserved names of outputs to come, which no value takes that isn't given its name */
  constructor(
    readonly name: string,
    reserved: Iterable<string> = [],
  ) {
    this.#reserved = new Set(reserved);
  }

  /** The values that a run of this graph yields, by the names they are asked for under. */
  get outputs(): ReadonlyMap<string, Value> {
    return this.#outputs;
  }

  input(name: string, shape: Shape, dtype: DataType = "float32"): Value {
    this.#checkShape(name, shape);
    const value: Value = { graph: this, name: this.#claim(name), dtype, shape: [...shape] };
    this.inputs.push(value);
    return value;
  }

  constant(data: TensorData, shape: Shape, options: { name?: string; dtype?: DataType } = {}): Value {
    const dtype = options.dtype ?? defaultDataType(data);
    const name = this.#claim(options.name ?? this.#fresh("constant"));
    this.#checkShape(name, shape);
    if (data.length !== elements(shape) || !(data instanceof DATA_TYPES[dtype].array)) {
      throw new GraphError(
        `constant ${name}: ${data.length} elements of ${data.constructor.name} don't fill ${dtype} ${showShape(shape)}`,
      );
    }
    const value: Value = { graph: this, name, dtype, shape: [...shape], data };
    this.constants.push(value);
    return value;
  }

  /** A float32 constant whose data are made each time they are asked for: nothing holds them in memory. */
  derivedConstant(make: () => Float32Array, shape: Shape): Value {
    const name = this.#claim(this.#fresh("constant"));
    const value: Value = {
      ...{ graph: this, name, dtype: "float32", shape: [...shape] },
      get data() {
        return make();
      },
    };
    this.constants.push(value);
    return value;
  }

  /** The name itself if no value has it, or else one after it: "name#2". */
  unusedName(name: string): string {
    let unused = name;
    let uses = this.#uses.get(name) ?? 1;
    while (this.#names.has(unused)) unused = `${name}#${++uses}`;
    this.#uses.set(name, uses);
    return unused;
  }

  /** The value that was made under this key before, or else the one that `make` makes. */
  shared(key: string, make: () => Value): Value {
    const known = this.#shared.get(key);
    if (known) return known;
    const made = make();
    this.#shared.set(key, made);
    return made;
  }

  /** A float32 constant of shape [], one per number. */
  scalar(number: number): Value {
    return this.shared(`f${number}`, () => this.constant(Float32Array.of(number), []));
  }

  /** An int64 constant of shape [n], one per content. */
  integers(numbers: readonly number[]): Value {
    return this.shared(`i${numbers.join()}`, () =>
      this.constant(BigInt64Array.from(numbers, BigInt), [numbers.length]),
    );
  }

  /**
   * Adds a node and returns its outputs.
   * @throws GraphError naming the operator, its inputs and their shapes where they don't fit.
   */
  apply(
    operator: Operator,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes = {},
    options: ApplyOptions = {},
  ): readonly Value[] {
    const stranger = inputs.find((value) => value && value.graph !== this);
    if (stranger) {
      throw new GraphError(
        `${operator.name}: input ${stranger.name} belongs to graph ${stranger.graph.name}, not ${this.name}`,
      );
    }
    const types = inferOutputs(operator, inputs, attributes).slice(0, options.names?.length);
    const outputs: Value[] = [];
    const node: Node = { operator, inputs: [...inputs], outputs, attributes };
    const contents = knownContents(operator, inputs, attributes, types);
    types.forEach(({ dtype, shape }, i) => {
      const name = this.#claim(options.names?.[i] ?? this.#fresh(operator.name));
      const known = contents[i];
      outputs.push({ graph: this, name, dtype, shape, producer: node, ...(known && { known }) });
    });
    this.nodes.push(node);
    return outputs;
  }

  /** Declares `value` an output under `name`. */
  output(name: string, value: Value): void {
    if (value.graph !== this) {
      throw new GraphError(`output ${name}: ${value.name} belongs to graph ${value.graph.name}, not ${this.name}`);
    }
    if (this.#outputs.has(name)) throw new GraphError(`graph ${this.name} has two outputs named ${name}`);
    if (name !== value.name) this.#claim(name);
    this.#outputs.set(name, value);
  }

  #claim(name: string): string {
    if (name === "") throw new GraphError(`graph ${this.name}: a value needs a name`);
    if (this.#names.has(name)) throw new GraphError(`graph ${this.name} has two values named ${name}`);
    this.#names.add(name);
    return name;
  }

  #fresh(stem: string): string {
    for (;;) {
      const count = (this.#counts.get(stem) ?? 0) + 1;
      this.#counts.set(stem, count);
      const name = `${stem}_${count}`;
      if (!this.#names.has(name) && !this.#reserved.has(name)) return name;
    }
  }

  #checkShape(name: string, shape: Shape): void {
    if (!isShape(shape)) {
      throw new GraphError(`${name}: ${showShape(shape)} is not a shape; sizes are whole numbers from 0`);
    }
  }
}

function defaultDataType(data: TensorData): DataType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Uint8Array) return "uint8";
  throw new GraphError("16-bit constants need their dtype named: float16 or bfloat16");
}
