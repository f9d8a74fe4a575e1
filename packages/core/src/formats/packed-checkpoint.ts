import * as z from "zod/mini";
import { printable } from "../checkpoints/printable.js";
import { type RawTensor, readRawSafetensors, writeRawSafetensors } from "../checkpoints/safetensors.js";
import { CheckpointError } from "../errors.js";
import { bytesInFile, DATA_TYPES, type DataType, elements, sameShape, showDimensions } from "../graph/types.js";
import { type Initializer, withData, withoutData } from "../onnx/initializer-data.js";
import { GRAPH, METADATA_KEY, readGraphDescription, unknownGraph } from "./graph-checkpoint.js";
import { namingFile } from "./naming-file.js";

/**
 * A checkpoint of a quantised network: safetensors with the data of its ONNX file's initialisers under their names and in their types, and the
 * file without these data as one more tensor. int4, which safetensors doesn't have, is U8, two elements a byte, the first in the lower half;
 * the metadata say which tensors are, and their shapes.
 */

const packedTensor = z.object({ type: z.literal("int4"), shape: z.array(z.int().check(z.minimum(0))) });

const description = z.object({ packed: z.record(z.string(), packedTensor) });

/** What safetensors calls the types that it has. */
const DTYPES: Readonly<Record<Exclude<DataType, "int4">, string>> = {
  ...{ float32: "F32", float64: "F64", float16: "F16", bfloat16: "BF16" },
  ...{ uint8: "U8", int8: "I8", int32: "I32", int64: "I64", bool: "BOOL" },
};

/**
 * @param onnx a quantised network's file
 * @throws OnnxError where it is damaged; CheckpointError where a checkpoint can't hold its initialisers under their names
 */
export function encodePackedCheckpoint(onnx: Uint8Array): Uint8Array<ArrayBuffer> {
  const { model, data } = withoutData(onnx);
  const tensors = new Map<string, RawTensor>();
  const packed: z.infer<typeof description>["packed"] = {};
  // Each lies at a multiple of its elements' size, as views of the file need.
  const bySize = data.toSorted((a, b) => DATA_TYPES[b.dtype].bytes - DATA_TYPES[a.dtype].bytes);
  for (const { name, dtype, shape, bytes } of bySize) {
    if (tensors.has(name) || RESERVED.includes(name)) {
      throw new CheckpointError(`an initialiser is called ${printable(name)}, which is taken in a checkpoint`);
    }
    if (dtype === "int4") packed[name] = { type: dtype, shape: [...shape] };
    tensors.set(
      name,
      dtype === "int4" ? { dtype: DTYPES.uint8, shape: [bytes.length], bytes } : { dtype: DTYPES[dtype], shape, bytes },
    );
  }
  tensors.set(GRAPH, { dtype: DTYPES.int8, shape: [model.length], bytes: model });
  return writeRawSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(description.parse({ packed })) });
}

/** The graph's name and the header's, and what no object of JavaScript has as a key of its own. */
const RESERVED: readonly string[] = [GRAPH, "__metadata__", "__proto__"];

/**
 * The ONNX file that such a checkpoint was made of; undefined for any other file.
 * @throws CheckpointError where it is damaged, naming the tensor
 */
export function readPackedCheckpoint(bytes: Uint8Array, file: string): Uint8Array<ArrayBuffer> | undefined {
  const described = readGraphDescription(bytes);
  if (typeof described !== "object" || described === null || !Object.hasOwn(described, "packed")) return undefined;
  const { tensors } = readRawSafetensors(bytes, file);
  const about = description.safeParse(described);
  const graph = tensors.get(GRAPH);
  if (!about.success || !graph) throw unknownGraph(file);
  const packed = new Map(Object.entries(about.data.packed));
  const unread = new Set(tensors.keys());
  unread.delete(GRAPH);
  const dataOf = (needed: Initializer): Uint8Array => {
    const { name, dtype, shape } = needed;
    const held = tensors.get(name);
    unread.delete(name);
    const wrong = (what: string) =>
      new CheckpointError(`${printable(name)} ${what}; the graph needs ${showDimensions(shape)} of ${dtype}`);
    if (!held || name === GRAPH) throw wrong("is missing");
    const logical = packed.get(name);
    if (logical) {
      const count = bytesInFile(logical.type, elements(logical.shape));
      if (held.dtype !== DTYPES.uint8 || !sameShape(held.shape, [count])) {
        throw wrong(
          `is ${showDimensions(held.shape)} of ${held.dtype}, where ${showDimensions(logical.shape)} of int4 are ${count} of U8, two a byte`,
        );
      }
      if (dtype !== logical.type || !sameShape(logical.shape, shape)) {
        throw wrong(`is ${showDimensions(logical.shape)} of int4`);
      }
    } else if (dtype === "int4" || held.dtype !== DTYPES[dtype] || !sameShape(held.shape, shape)) {
      throw wrong(`is ${showDimensions(held.shape)} of ${held.dtype}`);
    }
    return held.bytes;
  };
  return namingFile(file, () => {
    const onnx = withData(graph.bytes, dataOf);
    const [left] = unread;
    if (left !== undefined) throw new CheckpointError(`its graph has no place for ${printable(left)}`);
    return onnx;
  });
}
