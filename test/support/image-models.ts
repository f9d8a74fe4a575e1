import { Graph, type Value } from "../../packages/core/src/graph/index.js";
import { writeOnnx } from "../../packages/core/src/onnx/index.js";
import { conv, pixelShuffle } from "../../packages/core/src/operators/index.js";

export interface ImageModel {
  /** Height and width that the file fixes; open where left out. */
  fixed?: readonly [height: number, width: number];
  channels?: number;
}

/** The bytes of an ONNX model from x [N, 3, H, W] to y. */
export function imageModel(build: (x: Value) => Value, { fixed, channels = 3 }: ImageModel = {}): Uint8Array {
  const graph = new Graph("model");
  const [height, width] = fixed ?? [16, 16];
  graph.output("y", build(graph.input("x", [1, channels, height, width])));
  const open = { 0: "n", 2: "h", 3: "w" };
  return writeOnnx(graph, fixed ? {} : { dynamicAxes: { x: open, y: { 0: "n", 2: "h2", 3: "w2" } } });
}

/** Each pixel four times: a 1×1 convolution that copies each channel, and a pixel shuffle. */
export function nearest(x: Value): Value {
  const copies = Float32Array.from({ length: 36 }, (_, i) => (Math.floor(i / 12) === i % 3 ? 1 : 0));
  return pixelShuffle(conv(x, x.graph.constant(copies, [12, 3, 1, 1], { name: "copies" })), 2);
}
