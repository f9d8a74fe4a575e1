import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import { flatSize, unflatten } from "@slimsr/core/internal/model/flat.js";
import { applyModel, constantSource, type Model } from "@slimsr/core/internal/model/model.js";
import type { ParameterShapes } from "@slimsr/core/internal/networks/index.js";
import { type Patches, patchShape } from "../../calibration/batches.js";

/** A student in a graph of its own, with inputs `lr` and `parameters`, one vector of those that are moved. */
export interface StudentGraph {
  readonly graph: Graph;
  /** The parts of that vector, in its order. */
  readonly parameters: readonly Value[];
  readonly output: Value;
  /** The copy of each of the model's values. */
  readonly known: ReadonlyMap<Value, Value>;
}

/** @param shapes of the parameters that are moved; the others are constants */
export function studentGraph(student: Model, shapes: ParameterShapes, patches: Patches, size: number): StudentGraph {
  const graph = new Graph("student");
  const moved = unflatten(graph.input("parameters", [flatSize(shapes)]), shapes);
  const constant = constantSource(graph, student.parameters);
  const known = new Map<Value, Value>();
  const lr = graph.input("lr", patchShape(patches, size));
  const output = applyModel(student, lr, (name) => moved.get(name) ?? constant(name), known);
  return { graph, parameters: [...moved.values()], output, known };
}
