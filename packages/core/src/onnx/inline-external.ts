import { OnnxError } from "../errors.js";
import type { External } from "./external.js";
import { rewritten, without } from "./fields.js";
import type { TensorMessage } from "./messages.js";
import { concatenate, delimited, sizeOf } from "./parts.js";
import { readPermitted } from "./permitted.js";
import { GRAPH, MODEL, TENSOR } from "./schema.js";

/** What protobuf's readers take, and ONNX therefore asks of a file. */
const MOST_BYTES = 2 ** 31 - 1;

/** What a tensor says of where its data lies. */
const PLACE: readonly number[] = [TENSOR.external, TENSOR.location, TENSOR.raw];

/**
 * A model of one file: data of initialisers that lie in files beside it are put inside; all else stays, byte by byte.
 * @throws OnnxError as `readPermitted`, and where the whole is larger than a file of ONNX can be
 */
export function inlineExternal(bytes: Uint8Array, external: External): Uint8Array {
  const { initializers } = readPermitted(bytes, external).graph;
  if (initializers.every(({ place }) => place.location === undefined)) return bytes;
  let next = 0;
  const tensor = (body: Uint8Array): Uint8Array[] => {
    const { place, raw } = initializers[next++] as TensorMessage;
    return place.location === undefined || !raw ? [body] : [...without(body, PLACE), ...delimited(TENSOR.raw, [raw])];
  };
  const graph = (body: Uint8Array) => rewritten(body, GRAPH.initializers, tensor);
  const parts = rewritten(bytes, MODEL.graph, graph);
  if (sizeOf(parts) > MOST_BYTES) {
    throw new OnnxError(
      `takes ${(sizeOf(parts) / 2 ** 30).toFixed(1)} GiB with the weights that lie beside it, and a file of ONNX 2 at most: name a smaller network`,
    );
  }
  return concatenate(parts);
}
