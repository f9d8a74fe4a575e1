/** The protobuf messages of an ONNX file, as they stand in it. */
export interface ModelMessage {
  graph?: GraphMessage;
  opsets: { domain: string; version: number }[];
  functions: FunctionMessage[];
  /** Whether it holds graphs to train with, of which nothing is read. */
  training: boolean;
  metadata: Record<string, string>;
}
export interface GraphMessage {
  name: string;
  nodes: NodeMessage[];
  initializers: TensorMessage[];
  inputs: ValueMessage[];
  outputs: ValueMessage[];
  /** Whether there are sparse initialisers, of which nothing more is read. */
  sparse: boolean;
}
/** An operator that the file itself defines. */
export interface FunctionMessage {
  name: string;
  domain: string;
  nodes: NodeMessage[];
  /** Defaults of its attributes. */
  attributes: AttributeMessage[];
}
export interface NodeMessage {
  inputs: string[];
  outputs: string[];
  operator: string;
  domain: string;
  attributes: AttributeMessage[];
}
export interface AttributeMessage {
  name: string;
  type: number;
  float: number;
  int: number;
  string: string;
  tensor?: TensorMessage;
  tensors: TensorMessage[];
  graph?: GraphMessage;
  graphs: GraphMessage[];
  floats: number[];
  ints: number[];
  /** Whether it holds sparse tensors, of which nothing more is read. */
  sparse: boolean;
}
export interface TensorMessage {
  name: string;
  type: number;
  dims: number[];
  raw?: Uint8Array;
  floats: number[];
  int32s: number[];
  int64s: number[];
  doubles: number[];
  /** Whether the data lies in another file. */
  external: boolean;
  /** Where: "location", "offset" and "length". */
  place: Record<string, string>;
}
export interface ValueMessage {
  name: string;
  element: number;
  /** Sizes, or the names of sizes that are open; undefined without a shape. */
  shape?: (number | string)[];
}
