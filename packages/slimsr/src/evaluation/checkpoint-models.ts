import type { Checkpoint } from "@slimsr/core/internal/checkpoints/checkpoint.js";
import { widthOf } from "@slimsr/core/internal/checkpoints/shapes.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { Graph } from "@slimsr/core/internal/graph/index.js";
import { analyseChannels } from "@slimsr/core/internal/model/channels.js";
import { networkModel } from "@slimsr/core/internal/model/model.js";
import { countsAtWidth, materialise, type SplitMode, splitByCounts } from "@slimsr/core/internal/model/split.js";
import { buildNetwork, type NetworkOptions, type Parameters } from "@slimsr/core/internal/networks/index.js";
import { type EvaluatedModel, evaluatedModel } from "./model.js";

/**
 * A checkpoint's networks at some widths: the file's own, or the first channels of each layer (channel splitting).
 * @param widths by default those the file was trained for, or the one that its parameters have
 * @throws UsageError for a width beyond the file's; NetworkError for one that leaves a layer without channels
 */
export function checkpointModels(
  name: string,
  { network, parameters, widths: trained = [widthOf(network, parameters)] }: Checkpoint,
  {
    widths = trained,
    split = "aligned",
  }: { widths?: readonly number[] | undefined; split?: SplitMode | undefined } = {},
): EvaluatedModel[] {
  const whole = Math.max(...trained);
  const model = networkModel(network);
  return widths.map((width) => {
    if (width > whole) throw new UsageError(`${name} goes up to width ${whole}, so it can't be evaluated at ${width}`);
    const kept = width === whole ? parameters : narrowed(network, parameters, width, split);
    return evaluatedModel(name, width, model, kept);
  });
}

/** The first ⌊width · C⌋ channels of each layer, C being the full network's, of which the parameters may be a part. */
function narrowed(network: NetworkOptions, parameters: Parameters, width: number, mode: SplitMode): Parameters {
  const full = networkModel(network).analysis;
  const graph = new Graph(network.architecture);
  const lr = graph.input("lr", [1, 3, 8, 8]);
  const places = [...parameters].map(([name, { shape }]) => [name, graph.input(name, shape)] as const);
  const values = new Map(places);
  graph.output(
    "sr",
    buildNetwork(network, lr, (name, nominal) => values.get(name) ?? graph.input(name, nominal)),
  );
  const analysis = analyseChannels(graph, [lr]);
  const counts = countsAtWidth(full.groups, width).map((count, i) =>
    Math.min(count, analysis.groups[i]?.size ?? count),
  );
  return materialise(parameters, splitByCounts(values.values(), analysis, counts, mode));
}
