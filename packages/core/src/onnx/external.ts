import { OnnxError } from "../errors.js";
import { bytesInFile, type DataType, elements } from "../graph/types.js";
import { requireModest } from "./limits.js";
import type { TensorMessage } from "./messages.js";
import { dataType } from "./tensors.js";

/**
 * Yields a part of the file of that name that lies beside a model: `length` bytes from `offset`, or all from there on.
 * @throws SlimsrError where there is no such file or part
 */
export type External = (name: string, offset: number, length: number) => Uint8Array;

/** Puts the data of a tensor that lies in another file into the tensor. @throws OnnxError where it isn't all there */
export function takeIn(tensor: TensorMessage, external: External): void {
  if (!tensor.external) return;
  const { name, dims, place } = tensor;
  const { location = "", offset = "0", length } = place;
  requireModest(`tensor ${name}`, dims);
  if (!isFileName(location)) {
    throw new OnnxError(`tensor ${name} lies in ${JSON.stringify(location)}; only files beside the model are read`);
  }
  const dtype: DataType = dataType(tensor.type, `tensor ${name}`);
  const expected = bytesInFile(dtype, elements(dims));
  const start = Number(offset);
  if (!/^\d+$/.test(offset) || !Number.isSafeInteger(start)) {
    throw new OnnxError(`tensor ${name} lies at ${JSON.stringify(offset)} of ${location}, which is no place in a file`);
  }
  if (length !== undefined && Number(length) !== expected) {
    throw new OnnxError(
      `tensor ${name}: ${length} bytes of ${location} don't hold ${elements(dims)} elements of ${dtype}`,
    );
  }
  const bytes = external(location, start, expected);
  if (bytes.length !== expected) {
    throw new OnnxError(`tensor ${name}: ${location} ends before byte ${start + expected}; is it the model's own?`);
  }
  Object.assign(tensor, { external: false, raw: bytes });
}

/** Whether it names a file in the folder at hand, on any system. */
const isFileName = (name: string): boolean => name !== "" && name !== "." && name !== ".." && !/[/\\:\0]/.test(name);
