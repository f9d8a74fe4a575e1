import { OnnxError } from "../errors.js";
import type { Attribute } from "../graph/attributes.js";
import { evaluateConstants } from "../graph/contents.js";
import type { Graph, Value } from "../graph/graph.js";
import { elements, type Shape } from "../graph/types.js";
import { operatorNamed } from "../operators/index.js";
import { ChannelBudget, requireShort } from "./limits.js";
import type { AttributeMessage, NodeMessage } from "./messages.js";
import type { FileNode } from "./node.js";
import type { SinglePrecision } from "./precision.js";
import { ATTRIBUTE_TYPE } from "./schema.js";
import { type ReadTensor, readConstant, readTensor } from "./tensors.js";
import { upgraded } from "./versions/index.js";

/** Elements that are computed from constants when a file is read, for each that it holds, at most; and beside them. */
const FOLDED = { each: 4, more: 2 ** 16 };

export interface NodeReaderOptions {
  readonly opset: number;
  /** Names of the graph's outputs: nodes make them. */
  readonly outputs: ReadonlySet<string>;
  /** Numbers are read as the file has them where left out. */
  readonly precision?: SinglePrecision | undefined;
}

/** Adds a file's nodes to a graph, by the names that the file has. */
export class NodeReader {
  readonly #known = new Map<string, Value>();
  readonly #budget = new ChannelBudget();
  #foldable = FOLDED.more;

  constructor(
    readonly graph: Graph,
    private readonly options: NodeReaderOptions,
  ) {}

  get(name: string): Value | undefined {
    return this.#known.get(name);
  }

  add(name: string, value: Value): void {
    this.#budget.take(value);
    this.#known.set(name, value);
  }

  constant(name: string, tensor: ReadTensor): void {
    this.#foldable += FOLDED.each * elements(tensor.shape);
    const { data, shape, dtype } = tensor;
    const { precision } = this.options;
    this.add(name, precision?.constant(this.graph, name, tensor) ?? this.graph.constant(data, shape, { name, dtype }));
  }

  node(message: NodeMessage): void {
    const what = `${message.operator} (output ${message.outputs[0] ?? "none"})`;
    if (message.operator === "Constant") {
      const name = message.outputs[0];
      if (name === undefined) throw new OnnxError(`${what}: a constant without a name`);
      this.constant(name, readConstant(message.attributes, name, what));
    } else if (message.operator === "If") this.#branch(message, what);
    else this.#node(message, what);
  }

  #node(message: NodeMessage, what: string): void {
    const inputs = message.inputs.map((name) => this.#input(name, what));
    const named = message.outputs.slice(0, message.outputs.findLastIndex((name) => name !== "") + 1);
    if (named.includes("")) throw new OnnxError(`${what}: outputs before the last must have names`);
    const written = this.#read(message, inputs, named.length, what);
    const node = this.#inPrecision(upgraded(this.#inPrecision(written), this.options.opset, this.graph));
    const names = named.slice(0, node.outputs);
    const outputs = this.#passed(node) ?? this.#folded(node, names) ?? this.#applied(node, names);
    names.forEach((name, i) => {
      const value = outputs[i];
      if (!value) throw new OnnxError(`${what}: more outputs than the operator has`);
      this.add(name, value);
    });
  }

  #inPrecision(node: FileNode): FileNode {
    return this.options.precision?.node(node) ?? node;
  }

  #input(name: string, what: string): Value | undefined {
    if (name === "") return undefined;
    return this.get(name) ?? missing(`${what}: input ${name}`);
  }

  #read(message: NodeMessage, inputs: FileNode["inputs"], outputs: number, what: string): FileNode {
    const { precision } = this.options;
    const isTensor = ({ type }: AttributeMessage) => type === ATTRIBUTE_TYPE.tensor;
    const tensors = message.attributes.filter(isTensor).flatMap(({ name, tensor }) => {
      const read = tensor && readTensor(tensor, `${what}, ${name}`);
      return read ? [[name, precision?.tensor(read) ?? read] as const] : [];
    });
    const attributes = message.attributes.filter((attribute) => !isTensor(attribute));
    return {
      operator: message.operator,
      domain: message.domain === "ai.onnx" ? "" : message.domain,
      inputs,
      attributes: Object.fromEntries(attributes.map((attribute) => [attribute.name, readAttribute(attribute, what)])),
      tensors: Object.fromEntries(tensors),
      outputs,
    };
  }

  /** The branch that a constant condition takes, its nodes in place of the node. */
  #branch({ inputs, attributes, outputs }: NodeMessage, what: string): void {
    const condition = this.#input(inputs[0] ?? "", what);
    if (!condition?.data)
      throw new OnnxError(`${what}: operator If is not supported where its condition is no constant`);
    const taken = attributes.find(({ name }) => name === (condition.data?.[0] ? "then_branch" : "else_branch"))?.graph;
    if (!taken || taken.outputs.length < outputs.length) throw new OnnxError(`${what}: its branch is missing`);
    for (const tensor of taken.initializers) this.constant(tensor.name, readTensor(tensor, tensor.name));
    for (const node of taken.nodes) this.node(node);
    outputs.forEach((name, i) => {
      const from = taken.outputs[i]?.name as string;
      this.add(name, this.get(from) ?? missing(`${what}: output ${from}`));
    });
  }

  /** The input itself, for what leaves it as it is in the precision that is read; elsewhere nodes stay. */
  #passed({ operator, inputs: [x] }: FileNode): readonly Value[] | undefined {
    return this.options.precision && operator === "Identity" && x && !x.data ? [x] : undefined;
  }

  #applied(
    { operator: name, domain, inputs, attributes, tensors }: FileNode,
    names: readonly string[],
  ): readonly Value[] {
    const [tensor] = Object.keys(tensors);
    if (tensor !== undefined) {
      throw new OnnxError(`${name} (output ${names[0]}): attribute ${tensor} is a tensor, which is not supported`);
    }
    const operator = operatorNamed(name, domain);
    const stated = { ...attributes, ...operator.impliedAttributes?.(inputs), ...attributes };
    return this.graph.apply(operator, inputs, stated, { names });
  }

  /** The outputs as constants, where the inputs are: weights that the file computes are the graph's own. */
  #folded(
    { operator: name, domain, inputs, attributes }: FileNode,
    names: readonly string[],
  ): readonly Value[] | undefined {
    if (inputs.some((value) => value && !value.data)) return undefined;
    if (names.some((each) => this.options.outputs.has(each))) return undefined;
    if (sizeOf(inputs) > this.#foldable) return undefined;
    const outputs = evaluateConstants(
      operatorNamed(name, domain),
      inputs,
      attributes,
      (types) => sizeOf(types) <= this.#foldable,
    );
    if (!outputs) return undefined;
    this.#foldable -= sizeOf(outputs);
    return names.flatMap((each, i) => {
      const output = outputs[i];
      return output ? [this.graph.constant(output.data, output.shape, { name: each, dtype: output.dtype })] : [];
    });
  }
}

const sizeOf = (values: readonly ({ readonly shape: Shape } | undefined)[]): number =>
  values.reduce((sum, value) => sum + (value ? elements(value.shape) : 0), 0);

function missing(what: string): never {
  throw new OnnxError(`${what} is made by no earlier node`);
}

function readAttribute(message: AttributeMessage, node: string): Attribute {
  switch (message.type) {
    case ATTRIBUTE_TYPE.float:
      return { kind: "float", value: message.float };
    case ATTRIBUTE_TYPE.int:
      return { kind: "int", value: message.int };
    case ATTRIBUTE_TYPE.string:
      return { kind: "string", value: message.string };
    case ATTRIBUTE_TYPE.floats:
      requireShort(`${node}: attribute ${message.name}`, message.floats);
      return { kind: "floats", value: message.floats };
    case ATTRIBUTE_TYPE.ints:
      requireShort(`${node}: attribute ${message.name}`, message.ints);
      return { kind: "ints", value: message.ints };
    default:
      throw new OnnxError(`${node}: attribute ${message.name} has type ${message.type}, which is not supported`);
  }
}
