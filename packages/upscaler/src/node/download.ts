import { Graph } from "@slimsr/core/internal/graph/index.js";
import type { DataType } from "@slimsr/core/internal/graph/types.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import { identity } from "@slimsr/core/internal/operators/index.js";
import { InferenceSession, type Tensor } from "onnxruntime-node";

type Tensors = Readonly<Record<string, Tensor>>;
type Providers = NonNullable<InferenceSession.SessionOptions["executionProviders"]>;

/** Copies of a GPU's tensors: the engine's binding for Node can't fetch them, but a model that yields what it is fed can. */
export async function download(tensors: Tensors, executionProviders: Providers): Promise<Tensors> {
  const graph = new Graph("download");
  for (const [name, { type, dims }] of Object.entries(tensors)) {
    graph.output(copyOf(name), identity(graph.input(name, dims, type as DataType)));
  }
  const session = await InferenceSession.create(writeOnnx(graph), { executionProviders, logSeverityLevel: 4 });
  try {
    const outputs = await session.run(tensors);
    return Object.fromEntries(Object.keys(tensors).map((name) => [name, outputs[copyOf(name)] as Tensor]));
  } finally {
    await session.release();
  }
}

const copyOf = (name: string): string => `copy_of_${name}`;
