import { Graph } from "@slimsr/core/internal/graph/index.js";
import type { DataType, TensorData } from "@slimsr/core/internal/graph/types.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import { identity } from "@slimsr/core/internal/operators/index.js";
import { InferenceSession, Tensor } from "onnxruntime-node";

type Tensors = Readonly<Record<string, Tensor>>;
type Providers = NonNullable<InferenceSession.SessionOptions["executionProviders"]>;

/** Copies of tensors, which may lie in a GPU's memory, in the processor's. */
export const copies = async (tensors: Tensors, executionProviders: Providers): Promise<Tensors> =>
  Object.values(tensors).some(({ location }) => location !== "cpu")
    ? download(tensors, executionProviders)
    : Object.fromEntries(
        Object.entries(tensors).map(([name, { type, data, dims }]) => {
          const copy = (data as TensorData).slice() as Tensor.DataTypeMap[Tensor.Type];
          return [name, new Tensor(type, copy, dims)];
        }),
      );

/** The engine's binding for Node can't copy them from a GPU, but a model that yields what it is fed can. */
async function download(tensors: Tensors, executionProviders: Providers): Promise<Tensors> {
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
