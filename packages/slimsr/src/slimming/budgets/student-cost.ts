import { elements, liveNodes, type Value } from "@slimsr/core/internal/graph/index.js";
import { HD_OUTPUT } from "@slimsr/core/internal/model/cost.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { Conv } from "@slimsr/core/internal/operators/index.js";

export interface StudentCost {
  readonly parameters: number;
  /** Multiply-accumulates of the convolutions for a 1280×720 output. */
  readonly macs: number;
}

/** Yields what a network costs when group i keeps `counts[i]` of its channels. */
export function costModel(model: Model): (counts: readonly number[]) => StudentCost {
  const { graph, image, output, places } = model;
  const analysis = channelAnalysis(model);
  const pixels = (value: Value) => elements(value.shape.slice(2));
  const inputPixels = (HD_OUTPUT.width * HD_OUTPUT.height * pixels(image)) / pixels(output);
  const positions = (value: Value) => (pixels(value) === 1 ? 1 : (inputPixels * pixels(value)) / pixels(image));
  const groupOf = analysis.groups.flatMap(({ size }, g) => Array<number>(size).fill(g));
  /** Per axis: indices that always stay, and how many each unit of each group takes. */
  const axesOf = (parameter: Value) =>
    parameter.shape.map((length, axis) => {
      const units = analysis.unitsOf(parameter, axis);
      const perGroup = new Map<number, number>();
      if (!units) return { fixed: length, perGroup };
      for (const unit of units) {
        if (unit === undefined) continue;
        const g = groupOf[unit] as number;
        perGroup.set(g, (perGroup.get(g) ?? 0) + 1 / (analysis.groups[g]?.size as number));
      }
      return { fixed: units.filter((unit) => unit === undefined).length, perGroup };
    });
  const all = [...places.values()].map(axesOf);
  const convolutions = liveNodes(graph).flatMap(({ operator, inputs, outputs }) =>
    operator === Conv && inputs[1] && outputs[0] ? [{ axes: axesOf(inputs[1]), positions: positions(outputs[0]) }] : [],
  );
  return (counts) => {
    const size = (axes: ReturnType<typeof axesOf>) =>
      axes.reduce((product, { fixed, perGroup }) => {
        let length = fixed;
        for (const [g, times] of perGroup) length += times * (counts[g] as number);
        return product * Math.round(length);
      }, 1);
    return {
      parameters: all.reduce((sum, axes) => sum + size(axes), 0),
      macs: convolutions.reduce((sum, each) => sum + size(each.axes) * each.positions, 0),
    };
  };
}
