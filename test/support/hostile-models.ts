import {
  attribute,
  type Field,
  initializer,
  message,
  model,
  node,
  raw,
  TYPES,
  text,
  value,
  varint,
} from "../../packages/core/test/onnx/bytes.js";

/** x [N, 3, H, W] → y [N, 3, 2·H, 2·W], by way of what `nodes` make of x: v of its shape. */
const imageModel = (...nodes: Field[]): Uint8Array =>
  model({
    graph: [
      ...nodes,
      node({
        ...{ operator: "Concat", inputs: ["v", "v", "v", "v"], outputs: ["c"] },
        attributes: [attribute("axis", 2, varint(3, 1))],
      }),
      node({ operator: "DepthToSpace", inputs: ["c"], attributes: [attribute("blocksize", 2, varint(3, 2))] }),
      value(11, "x", ["n", 3, "h", "w"]),
      value(12, "y", ["n", 3, "h2", "w2"]),
    ],
  });

const constant = (
  name: string,
  type: number,
  data: Int32Array | BigInt64Array | Float32Array,
  dims = [data.length],
): Field => initializer(name, type, dims, raw(9, new Uint8Array(data.buffer)));

const cast = (from: string, to: string, type: number): Field =>
  node({ operator: "Cast", inputs: [from], outputs: [to], attributes: [attribute("to", 2, varint(3, type))] });

/** Divides the least integer by −1; its opposite is none, and processors of x86 end the process. */
export const crashing = (): Uint8Array =>
  imageModel(
    node({ operator: "ReduceMin", outputs: ["r"] }),
    cast("r", "i", TYPES.int32),
    node({ operator: "Min", inputs: ["i", "least"], outputs: ["m"] }),
    node({ operator: "Div", inputs: ["m", "minus"], outputs: ["d"] }),
    cast("d", "f", TYPES.float),
    node({ operator: "Add", inputs: ["x", "f"], outputs: ["v"] }),
    constant("least", TYPES.int32, Int32Array.of(-(2 ** 31))),
    constant("minus", TYPES.int32, Int32Array.of(-1)),
  );

/** Adds 1, 2^62 times. */
export const endless = (): Uint8Array =>
  imageModel(
    node({
      ...{ operator: "Loop", inputs: ["times", "", "x"], outputs: ["v"] },
      attributes: [
        attribute(
          "body",
          5,
          message(
            6,
            text(2, "body"),
            node({ operator: "Identity", inputs: ["go"], outputs: ["on"] }),
            node({ operator: "Add", inputs: ["before", "one"], outputs: ["after"] }),
            constant("one", TYPES.float, Float32Array.of(1), []),
            value(11, "i", [], TYPES.int64),
            value(11, "go", [], TYPES.bool),
            value(11, "before", ["n", 3, "h", "w"]),
            value(12, "on", [], TYPES.bool),
            value(12, "after", ["n", 3, "h", "w"]),
          ),
        ),
      ],
    }),
    constant("times", TYPES.int64, BigInt64Array.of(2n ** 62n), []),
  );

/** Adds the sum of zeros, 256 MiB of them for each pixel. */
export const greedy = (): Uint8Array =>
  imageModel(
    node({ operator: "Shape", outputs: ["s"] }),
    node({ operator: "Mul", inputs: ["s", "more"], outputs: ["size"] }),
    node({ operator: "ConstantOfShape", inputs: ["size"], outputs: ["zeros"] }),
    node({ operator: "ReduceSum", inputs: ["zeros"], outputs: ["sum"] }),
    node({ operator: "Add", inputs: ["x", "sum"], outputs: ["v"] }),
    constant("more", TYPES.int64, BigInt64Array.of(1n, 1n, 2n ** 13n, 2n ** 13n)),
  );
