import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { OnnxError } from "@slimsr/core/internal/errors.js";
import type { External } from "@slimsr/core/internal/onnx/index.js";
import { systemReason } from "./system-reason.js";

/** How often all of a file may be read: tensors may share their data, and a small file must not become a large model. */
const MOST_READINGS = 4;

/** Parts of the files in a model's own folder; links are not followed. */
export function externalBeside(model: string): External {
  const taken = new Map<string, number>();
  return (name, offset, length) => {
    const path = join(dirname(model), name);
    try {
      if (!lstatSync(path).isFile()) throw new OnnxError(`${name} beside the model is no plain file`);
      const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        const { size } = fstatSync(file);
        const total = (taken.get(name) ?? 0) + length;
        if (total > MOST_READINGS * size) throw new OnnxError(`${name} is read more than ${MOST_READINGS} times over`);
        taken.set(name, total);
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        for (let at = 0; at < bytes.length; ) {
          const count = readSync(file, bytes, at, bytes.length - at, offset + at);
          if (count === 0) return bytes.subarray(0, at);
          at += count;
        }
        return bytes;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      if (error instanceof OnnxError) throw error;
      throw new OnnxError(
        `${name}, which holds the model's weights, cannot be read beside it: ${systemReason(error)}`,
        {
          cause: error,
        },
      );
    }
  };
}
