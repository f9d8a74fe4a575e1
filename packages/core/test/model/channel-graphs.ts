import { Graph, type Value } from "../../src/graph/index.js";
import { analyseChannels, type ChannelAnalysis } from "../../src/model/channels.js";
import { conv } from "../../src/operators/index.js";

/** What a group writes and reads: names of parameters and their axes. */
export const show = ({ groups }: ChannelAnalysis): string[][] =>
  groups.map(({ axes }) => axes.map(({ parameter, axis }) => `${parameter.name}:${axis}`).sort());

/** A graph from an image of 3 channels to one of as many, its weights as inputs. */
export class Builder {
  readonly graph = new Graph("test");
  readonly image = this.graph.input("image", [1, 3, 4, 4]);

  conv(name: string, x: Value, filters: number): Value {
    return conv(x, this.graph.input(name, [filters, x.shape[1] as number, 1, 1]));
  }

  analyse(y: Value): ChannelAnalysis {
    this.graph.output("y", y);
    return analyseChannels(this.graph, [this.image]);
  }

  units(analysis: ChannelAnalysis, name: string, axis: number): readonly (number | undefined)[] | undefined {
    return analysis.unitsOf(this.graph.inputs.find((value) => value.name === name) as Value, axis);
  }
}
