import { expect, it } from "vitest";
import { withData, withoutData } from "../../src/onnx/initializer-data.js";
import { initializer, model, node, raw, TYPES, value, varint } from "./bytes.js";

const SHAPE = [1, 3, 1, 1];
const DATA = Uint8Array.from({ length: 12 }, (_, i) => 20 + i);

it("data are taken out and put back, but those that aren't raw, empty ones, scalars and sizes", () => {
  const onnx = model({
    graph: [
      node({ operator: "Add", inputs: ["x", "raw"] }),
      ...[value(11, "x", [1, 3, 4, 4]), value(12, "y", [1, 3, 4, 4])],
      initializer("raw", TYPES.float, SHAPE, raw(9, DATA)),
      // As numbers, one varint each.
      initializer("listed", TYPES.int8, [2], varint(5, 1), varint(5, 2)),
      initializer("empty", TYPES.float, [0]),
      initializer("scalar", TYPES.float, [], raw(9, DATA.subarray(0, 4))),
      initializer("sizes", TYPES.int64, [1], raw(9, DATA.subarray(0, 8))),
    ],
  });
  const { model: left, data } = withoutData(onnx);
  expect(data).toEqual([{ name: "raw", dtype: "float32", shape: SHAPE, bytes: DATA }]);
  expect(left.length).toBe(onnx.length - DATA.length - 2);
  const asked: string[] = [];
  const again = withData(left, ({ name }) => {
    asked.push(name);
    return DATA;
  });
  expect(again).toEqual(new Uint8Array(onnx));
  expect(asked).toEqual(["raw"]);
  expect(() => withData(left, () => DATA.subarray(1))).toThrow("tensor raw: 11 bytes don't hold 1×3×1×1 of float32");
});
