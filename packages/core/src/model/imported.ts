import { NetworkError } from "../errors.js";
import { type Graph, isKnown, liveNodes, type Value } from "../graph/index.js";
import { withoutOuterTransposes } from "./channels-first.js";
import type { Descriptor } from "./descriptor.js";
import { type Model, modelOf } from "./model.js";
import { rebuilt } from "./rebuilt.js";
import { findSizeRule } from "./sizes.js";

/** What a graph doesn't tell; where left out, images are of 0..255, the graph's name is the model's, and sizes are tried. */
interface About extends Partial<Pick<Descriptor, "range" | "size">> {
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** How the graph differs from the file's. */
  readonly notes?: readonly string[];
}

/**
 * A graph that was read from elsewhere: its float constants of one axis or more that activations are computed with are the parameters.
 * A graph of images [N, H, W, C] is taken without the transpositions around it.
 * @throws NetworkError unless it maps one 4-D image of float32 to another
 */
export function importedModel(
  source: Graph,
  { name = source.name, metadata = {}, notes = [], ...about }: About = {},
): Model {
  const turned = withoutOuterTransposes(source);
  const graph = rebuilt(turned ?? source);
  const places = learnable(graph);
  const floats = graph.constants.filter((value) => places.has(value));
  const [image, output] = [graph.inputs[0], ...graph.outputs.keys()];
  if (image && image.dtype !== "float32") {
    throw new NetworkError(
      `takes images of ${image.dtype}; expected float32: export it without its conversion of bytes`,
    );
  }
  const parameters = new Map(
    floats.map((value) => [value.name, { shape: value.shape, data: value.data as Float32Array }]),
  );
  const all = turned ? [...notes, "its images were [N, H, W, C]; they are [N, C, H, W]"] : notes;
  const isPlace = (value: Value) => places.has(value);
  const model = modelOf(graph, isPlace, parameters, {
    range: 255,
    ...about,
    origin: {
      ...{ kind: "onnx", name, metadata, input: image?.name ?? "", output: output ?? "" },
      ...(all.length > 0 && { notes: all }),
    },
  });
  const size = about.size ?? findSizeRule(graph, model.image);
  return { ...model, descriptor: { ...model.descriptor, size } };
}

/** Float constants of one axis or more that activations are computed with; those that make sizes are none. */
function learnable(graph: Graph): ReadonlySet<Value> {
  const operands = liveNodes(graph).flatMap(({ operator: { settings }, inputs, outputs }) =>
    outputs.some(isKnown) ? [] : inputs.filter((value, i) => value && !settings?.includes(i)),
  ) as Value[];
  return new Set(operands.filter(({ data, shape }) => data instanceof Float32Array && shape.length > 0));
}
