import { elements, liveNodes, type Value } from "../graph/index.js";
import type { Parameters } from "../networks/index.js";
import type { ChannelAnalysis, Units } from "./channels.js";
import type { Model } from "./model.js";

/** Output size for which the field states multiply-accumulates. */
const HD_PIXELS = 1280 * 720;

export interface Cost {
  readonly parameters: number;
  /** Multiply-accumulates of the convolutions for a 1280×720 output. */
  readonly macs: number;
}

/** What a network costs when group i keeps `counts[i]` of its channels, from the graph alone. */
export function costOfCounts({ graph, image, output, places, analysis }: Model, counts: readonly number[]): Cost {
  const size = keptSizes(analysis, counts);
  let parameters = 0;
  for (const place of places.values()) {
    parameters += place.shape.reduce((product, length, axis) => product * size(place, axis, length), 1);
  }
  let macs = 0;
  const pixels = (value: Value) => elements(value.shape.slice(2));
  const inputPixels = (HD_PIXELS * pixels(image)) / pixels(output);
  for (const { operator, inputs, outputs } of liveNodes(graph)) {
    const [, weight] = inputs;
    const [y] = outputs;
    if (operator !== "Conv" || !weight || !y) continue;
    const product = weight.shape.reduce((each, length, axis) => each * size(weight, axis, length), 1);
    const pooled = pixels(y) === 1;
    macs += product * (pooled ? 1 : (inputPixels * pixels(y)) / pixels(image));
  }
  return { parameters, macs };
}

/** Parameters of a network as they are. */
export const parameterCount = (parameters: Parameters): number =>
  [...parameters.values()].reduce((sum, { data }) => sum + data.length, 0);

/** The length of a parameter's axis once groups are cut to their counts. */
function keptSizes({ groups, unitsOf }: ChannelAnalysis, counts: readonly number[]) {
  const groupOf: number[] = groups.flatMap(({ size }, g) => Array<number>(size).fill(g));
  const kept = (unit: number | undefined) => {
    if (unit === undefined) return true;
    const g = groupOf[unit] as number;
    return unit - (groups[g]?.first as number) < (counts[g] as number);
  };
  return (parameter: Value, axis: number, length: number): number => {
    const units: Units | undefined = unitsOf(parameter, axis);
    return units ? units.filter(kept).length : length;
  };
}
