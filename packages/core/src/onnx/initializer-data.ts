import { OnnxError } from "../errors.js";
import { bytesInFile, type DataType, elements, type Shape, showDimensions } from "../graph/types.js";
import { rewritten, without } from "./fields.js";
import type { TensorMessage } from "./messages.js";
import { concatenate, delimited } from "./parts.js";
import { readPermitted } from "./permitted.js";
import { GRAPH, MODEL, TENSOR } from "./schema.js";
import { dataType } from "./tensors.js";

/** What an initialiser is. */
export interface Initializer {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: Shape;
}

/** An initialiser with its data: little-endian and row-major, int4 two a byte. */
export interface InitializerData extends Initializer {
  readonly bytes: Uint8Array;
}

/**
 * A model without the data of its initialisers, and these data. Scalars stay in it, and int64, which is sizes and axes, and data that aren't raw.
 * `withData` makes the same file again, byte by byte where each initialiser's data stands last, as this project writes it.
 * @throws OnnxError as `readPermitted`, and where data aren't as many as the shape says
 */
export function withoutData(bytes: Uint8Array): { model: Uint8Array<ArrayBuffer>; data: InitializerData[] } {
  const data: InitializerData[] = [];
  const model = withInitializers(bytes, (body, tensor) => {
    const { raw } = tensor;
    const initializer = initializerOf(tensor);
    if (!raw?.length || initializer.shape.length === 0 || initializer.dtype === "int64") return [body];
    requireBytes(initializer, raw);
    data.push({ ...initializer, bytes: raw });
    return without(body, [TENSOR.raw]);
  });
  return { model, data };
}

/**
 * A model with the data of those initialisers that lack them.
 * @param dataOf as many bytes as the initialiser takes
 * @throws OnnxError as `readPermitted`, and for another number of bytes
 */
export const withData = (
  model: Uint8Array,
  dataOf: (initializer: Initializer) => Uint8Array,
): Uint8Array<ArrayBuffer> =>
  withInitializers(model, (body, tensor) => {
    if (hasData(tensor)) return [body];
    const initializer = initializerOf(tensor);
    const raw = dataOf(initializer);
    requireBytes(initializer, raw);
    return [body, ...delimited(TENSOR.raw, [raw])];
  });

function withInitializers(
  bytes: Uint8Array,
  content: (body: Uint8Array, tensor: TensorMessage) => readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  const { initializers } = readPermitted(bytes).graph;
  let next = 0;
  const graph = (body: Uint8Array) =>
    rewritten(body, GRAPH.initializers, (each) => content(each, initializers[next++] as TensorMessage));
  return concatenate(rewritten(bytes, MODEL.graph, graph));
}

/** Some writers leave out what is empty. */
const hasData = ({ dims, raw, floats, int32s, int64s, doubles }: TensorMessage): boolean =>
  raw !== undefined || elements(dims) === 0 || [floats, int32s, int64s, doubles].some((list) => list.length > 0);

const initializerOf = ({ name, type, dims }: TensorMessage): Initializer => ({
  ...{ name, dtype: dataType(type, `tensor ${name}`), shape: dims },
});

function requireBytes({ name, dtype, shape }: Initializer, { length }: Uint8Array): void {
  if (length === bytesInFile(dtype, elements(shape))) return;
  throw new OnnxError(`tensor ${name}: ${length} bytes don't hold ${showDimensions(shape)} of ${dtype}`);
}
