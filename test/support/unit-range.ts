import { Graph } from "../../packages/core/src/graph/index.js";
import { applyModel, constantSource, type Model } from "../../packages/core/src/model/model.js";
import { writeOnnx } from "../../packages/core/src/onnx/index.js";
import { clip, mul } from "../../packages/core/src/operators/index.js";

/** A model of images in 0..255 as anyone's ONNX file for images in 0..1, from `image` to `large`, which it keeps to that range. */
export function unitRangeOnnx(model: Model, metadata: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const graph = new Graph("unit");
  const pixels = mul(graph.input("image", [1, 3, 16, 16]), 255);
  const large = mul(applyModel(model, pixels, constantSource(graph, model.parameters)), 1 / 255);
  graph.output("large", clip(large, 0, 1));
  const open = { 0: "batch", 2: "height", 3: "width" };
  return writeOnnx(graph, { metadata, dynamicAxes: { image: open, large: { 0: "batch", 2: "tall", 3: "wide" } } });
}
