import { NetworkError } from "../errors.js";
import { consumersOf, elements, type Graph, isKnown, type Node, type Value } from "../graph/index.js";
import { withoutOuterTransposes } from "./channels-first.js";
import type { Descriptor } from "./descriptor.js";
import { type Model, modelOf } from "./model.js";
import { rebuilt } from "./rebuilt.js";
import { withShuffles } from "./shuffles.js";
import { findSizeRule } from "./sizes.js";

/** What a graph doesn't tell; where left out, images are of 0..255, the graph's name is the model's, and sizes are tried. */
interface About extends Partial<Pick<Descriptor, "range" | "rangeSource" | "size" | "reach">> {
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** How the graph differs from the file's. */
  readonly notes?: readonly string[];
}

/**
 * A graph that was read from elsewhere: what its operators say are layers' parameters are the model's, where they are constants.
 * A graph of images [N, H, W, C] is taken without the transpositions around it.
 * @throws NetworkError unless it maps one 4-D image of float32 to another
 */
export function importedModel(
  source: Graph,
  { name = source.name, metadata = {}, notes = [], ...about }: About = {},
): Model {
  const turned = withoutOuterTransposes(source);
  const graph = rebuilt(withShuffles(turned ?? source));
  const floats = learnedConstants(graph);
  const places = new Set(floats);
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
    ...(about.range === undefined && { rangeSource: "assumed" }),
    ...about,
    origin: {
      ...{ kind: "onnx", name, metadata, input: image?.name ?? "", output: output ?? "" },
      ...(all.length > 0 && { notes: all }),
    },
  });
  const size = about.size ?? findSizeRule(graph, model.image);
  return { ...model, descriptor: { ...model.descriptor, size } };
}

/**
 * Constants that all their readers take for a layer's parameters, or as one operand of what is done to each element. What makes sizes
 * is none, and a single number beside activations is the formula's.
 */
function learnedConstants(graph: Graph): Value[] {
  const readers = consumersOf(graph.nodes);
  const takes = (value: Value) => (node: Node) =>
    !node.outputs.some(isKnown) &&
    (node.operator.elementwise === true ||
      node.inputs.every((input, i) => input !== value || node.operator.learned?.includes(i) === true));
  return graph.constants.filter((value) => {
    const { data, shape } = value;
    const own = readers.get(value) ?? [];
    const layered = elements(shape) > 1 || own.some(({ operator }) => operator.cost?.ofWeights);
    return data instanceof Float32Array && shape.length > 0 && own.length > 0 && layered && own.every(takes(value));
  });
}
