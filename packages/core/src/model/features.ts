import { type Graph, liveNodes, type Node, type Value } from "../graph/index.js";
import { Conv, DepthToSpace } from "../operators/index.js";

/**
 * The last features of a network's body: what its tail makes the image of. That is what is enlarged behind most convolutions, before the convolution that a
 * pixel shuffle belongs to; of networks that enlarge nothing, what the last convolution reads.
 */
export function bodyFeatures(graph: Graph): Value {
  const [image] = graph.inputs as [Value];
  const depths = new Map<Value, number>();
  const depthOf = ({ inputs }: Node) => Math.max(-1, ...inputs.map((value) => (value && depths.get(value)) ?? -1));
  depths.set(image, 0);
  let found: { readonly value: Value; readonly depth: number; readonly enlarged: boolean } | undefined;
  for (const node of liveNodes(graph)) {
    const depth = depthOf(node);
    if (depth < 0) continue;
    const [x] = node.inputs as [Value];
    const isLayer = node.operator === Conv;
    for (const output of node.outputs) depths.set(output, depth + (isLayer ? 1 : 0));
    const enlarged = isOfImage(x, image) && (node.outputs[0]?.shape[2] ?? 0) > (x.shape[2] as number);
    if (!enlarged && (!isLayer || found?.enlarged)) continue;
    if (found && found.enlarged === enlarged && depth < found.depth) continue;
    const layer = node.operator === DepthToSpace && x.producer?.operator === Conv ? x.producer : undefined;
    found = { value: (layer?.inputs[0] as Value | undefined) ?? x, depth, enlarged };
  }
  return found?.value ?? image;
}

const isOfImage = ({ shape }: Value, image: Value): boolean =>
  shape.length === 4 && shape[2] === image.shape[2] && shape[3] === image.shape[3];

/** Convolutions that make the image of the body's last features, and the one that these are the sum with, by their nodes. */
export function tailConvolutions(graph: Graph): Node[] {
  const features = bodyFeatures(graph);
  const behind = new Set<Value>([features]);
  const before = new Set(features.producer?.operator.name === "Add" ? features.producer.inputs : [features]);
  return liveNodes(graph).filter((node) => {
    const isBehind = node.inputs.some((value) => value && behind.has(value));
    if (isBehind) for (const output of node.outputs) behind.add(output);
    return node.operator === Conv && (isBehind || before.has(node.outputs[0]));
  });
}
