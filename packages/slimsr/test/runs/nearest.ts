import { Graph, type Value } from "../../../core/src/graph/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { clip, conv, pixelShuffle } from "../../../core/src/operators/index.js";

/** Each pixel four times, as anyone's file, which doesn't say the range of its images. */
export function enlarging(before: (image: Value) => Value): Uint8Array {
  const graph = new Graph("nearest");
  const image = graph.input("image", [1, 3, 16, 16]);
  // Filters 4c to 4c + 3 copy colour c.
  const copies = Float32Array.from({ length: 36 }, (_, i) => (Math.floor(i / 12) === i % 3 ? 1 : 0));
  graph.output("large", pixelShuffle(conv(before(image), graph.constant(copies, [12, 3, 1, 1])), 2));
  const open = { 0: "batch", 2: "height", 3: "width" };
  return writeOnnx(graph, { dynamicAxes: { image: open, large: { 0: "batch", 2: "tall", 3: "wide" } } });
}

/** For images of 0..range. */
export const nearest = (range: 255 | 1): Uint8Array => enlarging((image) => clip(image, 0, range));
