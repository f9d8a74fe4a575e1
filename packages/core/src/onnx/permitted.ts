import { OnnxError } from "../errors.js";
import { decodeOnnx } from "./codec.js";
import { type External, takeIn } from "./external.js";
import { MOST_NODES, requireModest } from "./limits.js";
import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  TensorMessage,
} from "./messages.js";
import { PERMITTED_OPERATORS } from "./permitted-operators.js";

/**
 * Decodes an ONNX file that may be anyone's, and refuses what an engine must not be handed: operators of the engine's own, which
 * trust their caller and write past their memory; data in other files; sizes and functions that claim more than any network has.
 * Every file passes here before a graph is built of it or an engine sees it.
 * @param external where tensors may lie that aren't in the file itself; by default nowhere
 * @throws OnnxError naming what is at fault
 */
export function readPermitted(bytes: Uint8Array, external?: External): ModelMessage & { graph: GraphMessage } {
  requireProtobuf(bytes);
  const { graph, ...rest } = decodeOnnx(bytes);
  if (graph && external) for (const tensor of graph.initializers) takeIn(tensor, external);
  if (rest.training) throw new OnnxError("holds graphs to train with; export the model for inference alone");
  if (!graph) throw new OnnxError("holds no graph: is it an ONNX model?");
  const inspection = new Inspection(rest.functions);
  inspection.graph(graph);
  for (const { name, nodes, attributes } of rest.functions) {
    inspection.attributes(attributes, `function ${name}`, name);
    inspection.nodes(nodes);
  }
  inspection.refuseUnknown();
  if (inspection.count(graph.nodes) > MOST_NODES) {
    throw new OnnxError(`has more than the ${MOST_NODES} nodes that are run, its functions written out`);
  }
  return { graph, ...rest };
}

/** ONNX Runtime's own format, which the engine would take for what it is. */
function requireProtobuf(bytes: Uint8Array): void {
  if (String.fromCharCode(...bytes.subarray(4, 8)) === "ORTM") {
    throw new OnnxError("is in ONNX Runtime's own format; save it as ONNX");
  }
}

/** Whether engines have operators of that domain. */
const ofEngines = (domain: string): boolean => domain === "" || /^(ai|com|org)\./.test(domain);

const keyOf = (domain: string, name: string): string => `${domain === "ai.onnx" ? "" : domain}:${name}`;

class Inspection {
  /** The nodes of each function; those of one name that differ in their overload count together. */
  readonly #bodies = new Map<string, NodeMessage[]>();
  readonly #counts = new Map<string, number>();
  /** Operators that are not permitted: how many nodes have each, and what the first is called. */
  readonly #unknown = new Map<string, { count: number; readonly first: string }>();

  constructor(functions: readonly FunctionMessage[]) {
    for (const { domain, name, nodes } of functions) {
      // An engine would take its own operator of that name rather than the function.
      if (ofEngines(domain))
        throw new OnnxError(`function ${name} is defined in domain ${domain}, which is an engine's`);
      const body = this.#bodies.get(keyOf(domain, name)) ?? [];
      for (const node of nodes) body.push(node);
      this.#bodies.set(keyOf(domain, name), body);
    }
  }

  graph({ nodes, initializers, inputs, sparse }: GraphMessage): void {
    if (sparse) throw new OnnxError("has sparse initialisers, which are not supported; save them as they are");
    for (const { name, shape } of inputs) requireModest(`input ${name}`, shape ?? []);
    for (const tensor of initializers) requireInside(tensor, tensor.name);
    this.nodes(nodes);
  }

  nodes(nodes: readonly NodeMessage[]): void {
    for (const node of nodes) this.#node(node);
  }

  #node({ operator, domain, outputs, attributes }: NodeMessage): void {
    const key = keyOf(domain, operator);
    const what = `${operator} (output ${outputs[0] ?? "none"})`;
    if (!PERMITTED_OPERATORS.has(key) && !this.#bodies.has(key)) {
      const unknown = key.startsWith(":") ? `operator ${operator} is` : `operators of domain ${domain} are`;
      const met = this.#unknown.get(key) ?? { count: 0, first: `${what}: ${unknown} not supported` };
      met.count++;
      this.#unknown.set(key, met);
    }
    this.attributes(attributes, what, outputs[0]);
  }

  attributes(attributes: readonly AttributeMessage[], what: string, owner: string | undefined): void {
    for (const { name, int, tensor, tensors, graph, graphs, sparse } of attributes) {
      if (sparse) throw new OnnxError(`${what}: attribute ${name} holds a sparse tensor, which is not supported`);
      // The engine divides by it.
      if (name === "group" && int < 1) throw new OnnxError(`${what}: ${int} groups; expected 1 or more`);
      for (const each of tensor ? [tensor, ...tensors] : tensors) requireInside(each, owner ?? name);
      for (const each of graph ? [graph, ...graphs] : graphs) this.graph(each);
    }
  }

  /** @throws OnnxError naming the operators that are not permitted */
  refuseUnknown(): void {
    const [first, ...others] = this.#unknown;
    if (!first) return;
    const named = others.map(([key, { count }]) => `${key.replace(/^:/, "")}${count > 1 ? ` (${count} nodes)` : ""}`);
    const rest = named.length > 0 ? `; nor ${named.length > 1 ? "are" : "is"} ${named.join(", ")}` : "";
    throw new OnnxError(`${first[1].first}${rest}; export the model with ONNX's own`);
  }

  /** Nodes with those of subgraphs and of functions that are called. */
  count(nodes: readonly NodeMessage[]): number {
    return nodes.reduce((sum, { domain, operator, attributes }) => {
      const inner = attributes.flatMap(({ graph, graphs }) => (graph ? [graph, ...graphs] : graphs));
      return (
        sum + 1 + this.#called(keyOf(domain, operator)) + inner.reduce((all, each) => all + this.count(each.nodes), 0)
      );
    }, 0);
  }

  #called(key: string): number {
    const body = this.#bodies.get(key);
    if (!body) return 0;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    // Until it is counted: a function that calls itself has no end.
    this.#counts.set(key, Number.POSITIVE_INFINITY);
    const counted = this.count(body);
    this.#counts.set(key, counted);
    return counted;
  }
}

function requireInside({ external, dims }: TensorMessage, name: string): void {
  if (external) throw new OnnxError(`tensor ${name} lies in another file; save the model as one file`);
  requireModest(`tensor ${name}`, dims);
}
