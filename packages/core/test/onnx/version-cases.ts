import { Random } from "../../../../test/support/random.js";
import { float32, type Tensor } from "../../../upscaler/src/engine/session.js";
import { elements } from "../../src/graph/index.js";
import {
  attribute,
  type Field,
  float,
  initializer,
  message,
  model,
  type NodeParts,
  node,
  raw,
  TYPES,
  text,
  value,
  varint,
} from "./bytes.js";

export const ints = (name: string, ...values: readonly number[]): Field =>
  attribute(name, 7, ...values.map((v) => varint(8, v)));
export const int = (name: string, number: number): Field => attribute(name, 2, varint(3, number));
const one = (name: string, number: number): Field => attribute(name, 1, float(2, number));
const floats = (name: string, ...values: readonly number[]): Field =>
  attribute(name, 6, ...values.map((v) => float(7, v)));
export const string = (name: string, held: string): Field => attribute(name, 3, text(4, held));

export const longs = (name: string, ...values: readonly number[]): Field =>
  initializer(name, TYPES.int64, [values.length], raw(9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)));
export const singles = (name: string, shape: readonly number[], ...values: readonly number[]): Field =>
  initializer(name, TYPES.float, shape, raw(9, new Uint8Array(Float32Array.from(values).buffer)));
export const flag = (name: string, held: number): Field => initializer(name, TYPES.bool, [], varint(5, held));

export interface Case {
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly NodeParts[];
  readonly constants?: readonly Field[];
  /** [1, 4, 6, 5] where left out. */
  readonly shape?: readonly number[];
}

export const of = (name: string, opset: number, operator: NodeParts, ...constants: readonly Field[]): Case => ({
  ...{ name, opset, nodes: [operator], constants },
});

const CHANNELS = [0.5, -1, 2, 0.25];
export const normalisation = [
  singles("s", [4], 1, -2, 0.5, 3),
  singles("b", [4], 0.1, 0.2, -0.3, 0),
  singles("m", [4], ...CHANNELS),
  singles("v", [4], 1, 2, 0.5, 4),
];

/** A branch: y is made of x by one operator. */
export const branch = (name: string, operator: string): Field =>
  attribute(name, 5, message(6, text(2, name), node({ operator, outputs: [name] }), value(12, name, [])));

export const CASES: readonly Case[] = [
  of("axes to squeeze", 11, { operator: "Squeeze", attributes: [ints("axes", 0)] }),
  of("axes to unsqueeze", 9, { operator: "Unsqueeze", attributes: [ints("axes", 0, 3)] }),
  of("axes to sum over", 11, { operator: "ReduceSum", attributes: [ints("axes", 1, -1), int("keepdims", 0)] }),
  ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"].flatMap(
    (operator) => [
      of(`axes as an input of ${operator}`, 18, { operator, inputs: ["x", "axes"] }, longs("axes", 2, 3)),
      of(`no axes of ${operator}`, 18, { operator, attributes: [int("keepdims", 0)] }),
    ],
  ),
  of("parts", 11, { operator: "Split", outputs: ["z", "y"], attributes: [int("axis", 1), ints("split", 1, 3)] }),
  of("equal parts", 11, { operator: "Split", outputs: ["z", "y"], attributes: [int("axis", 1)] }),
  of("a number of parts", 18, {
    operator: "Split",
    outputs: ["z", "y"],
    attributes: [int("axis", 3), int("num_outputs", 2)],
  }),
  of("ranges", 9, { operator: "Slice", attributes: [ints("starts", 1, 1), ints("ends", 9, -1), ints("axes", 1, 2)] }),
  of("ranges of the first axes", 9, { operator: "Slice", attributes: [ints("starts", 0, 1), ints("ends", 1, 3)] }),
  of("pads and their value", 9, {
    operator: "Pad",
    attributes: [ints("pads", 0, 0, 1, 2, 0, 0, 3, 0), one("value", 0.5)],
  }),
  of("pads by reflection", 7, {
    operator: "Pad",
    attributes: [ints("pads", 0, 0, 1, 2, 0, 0, 3, 0), string("mode", "reflect")],
  }),
  of(
    "axes of pads",
    18,
    { operator: "Pad", inputs: ["x", "pads", "", "axes"] },
    longs("pads", 1, 2, 3, 4),
    longs("axes", -1, 2),
  ),
  of("a lower bound", 10, { operator: "Clip", attributes: [one("min", 0.4)] }),
  of("both bounds", 7, { operator: "Clip", attributes: [one("min", 0.4), one("max", 0.6)] }),
  of("an upper bound", 10, { operator: "Clip", attributes: [one("max", 0.6)] }),
  of("Upsample by attributes", 7, { operator: "Upsample", attributes: [floats("scales", 1, 1, 2, 3)] }),
  of(
    "Upsample by an input",
    9,
    { operator: "Upsample", inputs: ["x", "k"], attributes: [string("mode", "linear")] },
    singles("k", [4], 1, 1, 2, 2),
  ),
  of("Upsample by a fraction", 9, { operator: "Upsample", inputs: ["x", "k"] }, singles("k", [4], 1, 1, 1.5, 2)),
  of(
    "Resize of opset 10",
    10,
    { operator: "Resize", inputs: ["x", "k"], attributes: [string("mode", "linear")] },
    singles("k", [4], 1, 1, 2, 2),
  ),
  of(
    "Resize of opset 11",
    11,
    {
      ...{ operator: "Resize", inputs: ["x", "roi", "k"] },
      attributes: [string("mode", "cubic"), string("coordinate_transformation_mode", "half_pixel")],
    },
    singles("roi", [0]),
    singles("k", [4], 1, 1, 2, 2),
  ),
  of(
    "Resize to sizes, of opset 11",
    11,
    {
      ...{ operator: "Resize", inputs: ["x", "roi", "none", "sizes"] },
      attributes: [string("mode", "linear"), string("coordinate_transformation_mode", "align_corners")],
    },
    singles("roi", [0]),
    singles("none", [0]),
    longs("sizes", 1, 4, 9, 11),
  ),
  of(
    "axes of scales",
    18,
    { operator: "Resize", inputs: ["x", "", "k"], attributes: [ints("axes", 3, 2)] },
    singles("k", [2], 2, 3),
  ),
  of(
    "axes of sizes",
    18,
    { operator: "Resize", inputs: ["x", "", "", "k"], attributes: [ints("axes", 2, 3), string("mode", "linear")] },
    longs("k", 12, 7),
  ),
  of("Dropout with its mask", 7, { operator: "Dropout", outputs: ["y", "mask"], attributes: [one("ratio", 0.3)] }),
  of(
    "Dropout at inference",
    13,
    { operator: "Dropout", inputs: ["x", "ratio", "training"] },
    singles("ratio", [], 0.5),
    flag("training", 0),
  ),
  of(
    "BatchNormalization of opset 9",
    9,
    { operator: "BatchNormalization", inputs: ["x", "s", "b", "m", "v"], attributes: [one("epsilon", 0.01)] },
    ...normalisation,
  ),
  of(
    "BatchNormalization of opset 15",
    15,
    { operator: "BatchNormalization", inputs: ["x", "s", "b", "m", "v"] },
    ...normalisation,
  ),
  of(
    "GroupNormalization by groups",
    18,
    { operator: "GroupNormalization", inputs: ["x", "s", "b"], attributes: [int("num_groups", 2)] },
    singles("s", [2], 2, -1),
    singles("b", [2], 0.5, 0),
  ),
  of(
    "GroupNormalization by channels",
    21,
    { operator: "GroupNormalization", inputs: ["x", "s", "b"], attributes: [int("num_groups", 2)] },
    ...normalisation.slice(0, 2),
  ),
  of("Softmax over several axes", 11, { operator: "Softmax" }),
  of("Softmax over the last axis", 11, { operator: "Softmax", attributes: [int("axis", 3)] }),
  of("Gelu", 20, { operator: "Gelu" }),
  of("Gelu with tanh", 20, { operator: "Gelu", attributes: [string("approximate", "tanh")] }),
  of("Mish", 18, { operator: "Mish" }),
  of("Cast with saturation", 19, { operator: "Cast", attributes: [int("to", 1), int("saturate", 1)] }),
  of("CastLike", 15, { operator: "CastLike", inputs: ["x", "like"] }, longs("like", 1)),
  of("AveragePool with dilations of 1", 19, {
    operator: "AveragePool",
    attributes: [ints("kernel_shape", 2, 2), ints("dilations", 1, 1)],
  }),
  of(
    "Reshape that allows zeros",
    14,
    { operator: "Reshape", inputs: ["x", "shape"], attributes: [int("allowzero", 1)] },
    longs("shape", 4, -1),
  ),
  {
    ...{ name: "ConstantOfShape", opset: 9, constants: [] },
    nodes: [
      { operator: "Shape", outputs: ["size"] },
      {
        ...{ operator: "ConstantOfShape", inputs: ["size"], outputs: ["twos"] },
        attributes: [attribute("value", 4, message(5, varint(1, 1), varint(2, TYPES.float), float(4, 2)))],
      },
      { operator: "Mul", inputs: ["x", "twos"] },
    ],
  },
  ...[0, 1].map((held) => ({
    ...{ name: `If that is ${held ? "true" : "false"}`, opset: 13, constants: [flag("c", held)] },
    nodes: [
      { operator: "Not", inputs: ["c"], outputs: ["d"] },
      {
        operator: "If",
        inputs: ["d"],
        outputs: ["z"],
        attributes: [branch("then_branch", "Sigmoid"), branch("else_branch", "Tanh")],
      },
      { operator: "Relu", inputs: ["z"] },
    ],
  })),
];

export function bytesOf({ opset, nodes, constants = [], shape = [1, 4, 6, 5] }: Case): Uint8Array {
  return model({
    opsets: [["", opset]],
    graph: [...nodes.map(node), value(11, "x", shape), message(12, text(1, "y")), ...constants],
  });
}

export const imageOf = ({ shape = [1, 4, 6, 5] }: Case): Tensor =>
  float32(new Random(3).floats(elements(shape), -1, 1), shape);
