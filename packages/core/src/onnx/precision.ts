import { int } from "../graph/attributes.js";
import { isKnown } from "../graph/contents.js";
import type { Graph, Value } from "../graph/graph.js";
import { DATA_TYPES, type DataType } from "../graph/types.js";
import { cast } from "../operators/index.js";
import type { FileNode } from "./node.js";
import { type ReadTensor, withoutHalves } from "./tensors.js";

const isFloat = (dtype: DataType): boolean => ["float32", "float64", "float16", "bfloat16"].includes(dtype);

/**
 * Brings a file's halves and doubles to single precision, which networks are run and trained in. Sizes that the file computes in
 * double precision stay so: rounded otherwise, they would be others.
 */
export class SinglePrecision {
  /** Constants that the file has in double precision. */
  readonly #doubles = new Map<Value, ReadTensor>();
  readonly #exact = new Map<Value, Value>();
  /** Element types that the file has beside float32. */
  readonly met = new Set<DataType>();

  /** Adds a constant of the file to a graph. */
  constant(graph: Graph, name: string, tensor: ReadTensor): Value {
    const { data, shape, dtype } = this.tensor(tensor);
    const value = graph.constant(data, shape, { name, dtype });
    if (tensor.dtype === "float64") this.#doubles.set(value, tensor);
    return value;
  }

  tensor(tensor: ReadTensor): ReadTensor {
    this.type(tensor.dtype);
    if (tensor.dtype !== "float64") return withoutHalves(tensor);
    return { dtype: "float32", shape: tensor.shape, data: Float32Array.from(tensor.data as Float64Array) };
  }

  type(dtype: DataType): DataType {
    if (!isFloat(dtype) || dtype === "float32") return dtype;
    this.met.add(dtype);
    return "float32";
  }

  /** The node with operands of single precision, or of double where it computes sizes so. */
  node(node: FileNode): FileNode {
    if (node.operator === "Cast") return this.#cast(node);
    if (!node.inputs.some((value) => value?.dtype === "float64")) return node;
    const sizes = node.inputs.every((value) => !value || isKnown(value));
    return { ...node, inputs: node.inputs.map((value) => value && (sizes ? this.#inFull(value) : inSingle(value))) };
  }

  #cast(node: FileNode): FileNode {
    const { to } = node.attributes;
    const [x] = node.inputs;
    const dtype = (Object.keys(DATA_TYPES) as DataType[]).find(
      (name) => to?.kind === "int" && DATA_TYPES[name].onnx === to.value,
    );
    if (!x || !dtype || !isFloat(dtype)) return node;
    // A size in double precision.
    if (dtype === "float64" && isKnown(x) && !x.data) return node;
    const single = this.type(dtype);
    if (x.dtype === single) return { ...node, operator: "Identity", attributes: {} };
    return { ...node, attributes: { ...node.attributes, to: int(DATA_TYPES[single].onnx) } };
  }

  #inFull(value: Value): Value {
    const tensor = this.#doubles.get(value);
    if (!tensor) return value.dtype === "float32" ? cast(value, "float64") : value;
    const made = this.#exact.get(value) ?? value.graph.constant(tensor.data, tensor.shape, { dtype: tensor.dtype });
    this.#exact.set(value, made);
    return made;
  }
}

const inSingle = (value: Value): Value => (value.dtype === "float64" ? cast(value, "float32") : value);
