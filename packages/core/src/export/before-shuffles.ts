import { consumersOf, type Graph, liveNodes, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { Conv, pixelShuffle } from "../operators/index.js";
import { convolveInParts } from "./parts.js";
import { kernelBeforeShuffle, shuffleToSwap } from "./subpixel.js";

/** The same network with each convolution to an image before the pixel shuffle that it followed. */
export function putBeforeShuffles(source: Graph): Graph {
  const consumers = consumersOf(liveNodes(source));
  const outputs = new Set(source.outputs.values());
  const isReadOnce = (value: Value) => consumers.get(value)?.length === 1 && !outputs.has(value);
  return rewriteLazily(source, (_, imageOf) => (node) => {
    const swap = swapOf(node);
    if (!swap || ![swap.shuffled, node.inputs[0] as Value].every(isReadOnce)) return undefined;
    const { shuffled, r, weight, bias } = swap;
    const kernel = kernelBeforeShuffle({ shape: weight.shape, data: weight.data as Float32Array }, r);
    const biases = Float32Array.from(
      { length: kernel.shape[0] as number },
      (_, i) => bias[Math.floor(i / r ** 2)] ?? 0,
    );
    return [pixelShuffle(convolveInParts(imageOf(shuffled), kernel, biases, weight.name), r)];
  });
}

/** A convolution that had better go before the shuffle of r by which its input is made. */
function swapOf(node: Node): { shuffled: Value; r: number; weight: Value; bias: Float32Array } | undefined {
  const [x, weight, offset] = node.inputs;
  const shuffled = x?.producer?.inputs[0];
  if (node.operator !== Conv || !shuffled || !weight || !(weight.data instanceof Float32Array)) return undefined;
  const bias = offset ? offset.data : new Float32Array(weight.shape[0] as number);
  const r = shuffleToSwap(x, node);
  return r !== undefined && bias instanceof Float32Array ? { shuffled, r, weight, bias } : undefined;
}
