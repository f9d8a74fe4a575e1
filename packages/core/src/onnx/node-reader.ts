import { OnnxError } from "../errors.js";
import type { Attribute } from "../graph/attributes.js";
import { evaluateConstants } from "../graph/contents.js";
import type { Graph, Value } from "../graph/graph.js";
import { elements } from "../graph/types.js";
import { operatorNamed } from "../operators/index.js";
import { ChannelBudget, requireShort } from "./limits.js";
import type { AttributeMessage, NodeMessage } from "./messages.js";
import type { FileNode } from "./node.js";
import { ATTRIBUTE_TYPE } from "./schema.js";
import { type ReadTensor, readConstant, readTensor } from "./tensors.js";
import { upgraded } from "./versions/index.js";

/** Elements that are computed from constants when a file is read, for each that it holds, at most; and beside them. */
const FOLDED = { each: 4, more: 2 ** 16 };

/** Adds a file's nodes to a graph, by the names that the file has. */
export class NodeReader {
  readonly #known = new Map<string, Value>();
  readonly #budget = new ChannelBudget();
  #foldable = FOLDED.more;

  constructor(
    readonly graph: Graph,
    readonly opset: number,
    /** Names of the graph's outputs, which nodes make. */
    readonly outputs: ReadonlySet<string>,
  ) {}

  get(name: string): Value | undefined {
    return this.#known.get(name);
  }

  add(name: string, value: Value): void {
    this.#budget.take(value);
    this.#known.set(name, value);
  }

  constant(name: string, { data, shape, dtype }: ReadTensor): void {
    this.#foldable += FOLDED.each * elements(shape);
    this.add(name, this.graph.constant(data, shape, { name, dtype }));
  }

  node(message: NodeMessage): void {
    const what = `${message.operator} (output ${message.outputs[0] ?? "none"})`;
    if (message.operator === "Constant") {
      const name = message.outputs[0];
      if (name === undefined) throw new OnnxError(`${what}: a constant without a name`);
      this.constant(name, readConstant(message.attributes, name, what));
      return;
    }
    const names = message.outputs.slice(0, message.outputs.findLastIndex((name) => name !== "") + 1);
    if (names.includes("")) throw new OnnxError(`${what}: outputs before the last must have names`);
    const node = upgraded(this.#read(message, what, names.length), this.opset, this.graph);
    const outputs = this.#fold(node, names) ?? this.#apply(node, names);
    names.forEach((name, i) => {
      const value = outputs[i];
      if (!value) throw new OnnxError(`${what}: more outputs than the operator has`);
      this.add(name, value);
    });
  }

  #read(message: NodeMessage, what: string, outputs: number): FileNode {
    const inputs = message.inputs.map((name) => {
      if (name === "") return undefined;
      const value = this.get(name);
      if (!value) throw new OnnxError(`${what}: input ${name} is made by no earlier node`);
      return value;
    });
    const isTensor = ({ type }: AttributeMessage) => type === ATTRIBUTE_TYPE.tensor;
    const attributes = message.attributes.filter((attribute) => !isTensor(attribute));
    const tensors = message.attributes
      .filter(isTensor)
      .flatMap(({ name, tensor }) => (tensor ? [{ name, tensor }] : []));
    return {
      operator: message.operator,
      domain: message.domain === "ai.onnx" ? "" : message.domain,
      inputs,
      attributes: Object.fromEntries(attributes.map((attribute) => [attribute.name, readAttribute(attribute, what)])),
      tensors: Object.fromEntries(tensors.map(({ name, tensor }) => [name, readTensor(tensor, `${what}, ${name}`)])),
      outputs,
    };
  }

  #apply(
    { operator: name, domain, inputs, attributes, tensors }: FileNode,
    names: readonly string[],
  ): readonly Value[] {
    const [tensor] = Object.keys(tensors);
    if (tensor !== undefined)
      throw new OnnxError(`${name} (output ${names[0]}): attribute ${tensor} is a tensor, which is not supported`);
    const operator = operatorNamed(name, domain);
    const stated = { ...attributes, ...operator.impliedAttributes?.(inputs), ...attributes };
    return this.graph.apply(operator, inputs, stated, { names });
  }

  /** The outputs as constants, where the inputs are: weights that the file computes are the graph's own. */
  #fold(
    { operator: name, domain, inputs, attributes }: FileNode,
    names: readonly string[],
  ): readonly Value[] | undefined {
    if (inputs.some((value) => value && !value.data) || names.some((name) => this.outputs.has(name))) return undefined;
    const operator = operatorNamed(name, domain);
    const size = (values: readonly ({ readonly shape: readonly number[] } | undefined)[]) =>
      values.reduce((sum, value) => sum + (value ? elements(value.shape) : 0), 0);
    if (size(inputs) > this.#foldable) return undefined;
    const outputs = evaluateConstants(operator, inputs, attributes, (types) => size(types) <= this.#foldable);
    if (!outputs) return undefined;
    this.#foldable -= size(outputs);
    return names.flatMap((name, i) => {
      const output = outputs[i];
      return output ? [this.graph.constant(output.data, output.shape, { name, dtype: output.dtype })] : [];
    });
  }
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
