import type { TensorData } from "@slimsr/core/internal/graph/types.js";
import { type InferenceSession, Tensor } from "onnxruntime-node";

type Tensors = Readonly<Record<string, Tensor>>;
type Providers = NonNullable<InferenceSession.SessionOptions["executionProviders"]>;

/** Copies of tensors, which may lie in a GPU's memory, in the processor's. */
export async function copies(tensors: Tensors, executionProviders: Providers): Promise<Tensors> {
  if (Object.values(tensors).some(({ location }) => location !== "cpu")) {
    // Graphs are loaded for this alone, and take as long as all else that a thread of the engine loads.
    const { download } = await import("./download.js");
    return download(tensors, executionProviders);
  }
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => {
      const copy = (data as TensorData).slice() as Tensor.DataTypeMap[Tensor.Type];
      return [name, new Tensor(type, copy, dims)];
    }),
  );
}
