import { applyLike, Graph, graft, liveNodes, type Value } from "../graph/index.js";
import { type ParameterMap, required } from "../networks/index.js";
import { graphOrigin, type Model, modelOf } from "./model.js";

/**
 * The same network with parameters of its own for each layer. Recursive networks use some several times; they are copied, for
 * channels that matter in one place don't in another.
 */
export function untied(model: Model): Model {
  const { graph, image, output, places, descriptor } = model;
  const isPlace = (value: Value | undefined): value is Value => value !== undefined && places.get(value.name) === value;
  const uses = liveNodes(graph).flatMap(({ inputs }) => inputs.filter(isPlace));
  if (new Set(uses).size === uses.length) return model;
  const target = new Graph(graph.name);
  const parameters: ParameterMap = new Map();
  const place = (name: string, from: string): Value => {
    const { shape, data } = required(model.parameters, from);
    parameters.set(name, { shape, data });
    return target.constant(data, shape, { name });
  };
  const known = new Map([...places].map(([name, value]) => [value, place(name, name)]));
  known.set(image, target.input(image.name, image.shape));
  const used = new Set<Value>();
  const copyOf = (value: Value): Value => {
    let count = 2;
    while (parameters.has(`${value.name}#${count}`)) count++;
    return place(`${value.name}#${count}`, value.name);
  };
  const [made] = graft(graph, target, known, [output], {
    replacement: (node, inputs) => {
      const copied = inputs.map((value, i) => {
        const source = node.inputs[i];
        if (!isPlace(source)) return value;
        if (used.has(source)) return copyOf(source);
        used.add(source);
        return value;
      });
      return applyLike(node, target, copied);
    },
  });
  target.output("sr", made as Value);
  const { task, scale, channels, reach, ...about } = descriptor;
  return modelOf(target, ({ name }) => parameters.has(name), parameters, { ...about, origin: graphOrigin(model) });
}
