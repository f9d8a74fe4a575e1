import { Random } from "../../../../test/support/random.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { conv, matMul, mul, pixelShuffle, relu } from "../../../core/src/operators/index.js";
import { float32, type Tensor } from "../../src/engine/session.js";

/** Two convolutions and a pixel shuffle: "sr" [1, 3, 24, 20] of "lr" [1, 3, 12, 10]. */
export function network(): Graph {
  const random = new Random(1);
  const graph = new Graph("network");
  const filters = (count: number, channels: number) =>
    graph.constant(random.floats(count * channels * 9, -0.3, 0.3), [count, channels, 3, 3]);
  const biases = (count: number) => graph.constant(random.floats(count, -0.1, 0.1), [count]);
  const features = relu(conv(graph.input("lr", [1, 3, 12, 10]), filters(8, 3), biases(8), { pads: [1, 1, 1, 1] }));
  graph.output("sr", pixelShuffle(conv(features, filters(12, 8), biases(12), { pads: [1, 1, 1, 1] }), 2));
  return graph;
}

/** An image for the network, times `scale`. */
export const image = (scale = 1): Tensor => float32(new Random(2).floats(360, 0, scale), [1, 3, 12, 10]);

/** Products that keep the engine busy for a while. */
export function heavy(size: number, count: number): Graph {
  const graph = new Graph("heavy");
  const x = graph.input("x", [size, size]);
  let y: Value = x;
  for (let i = 0; i < count; i++) y = mul(matMul(y, x), 1e-3);
  graph.output("y", y);
  return graph;
}
