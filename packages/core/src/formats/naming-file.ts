import { CheckpointError, SlimsrError } from "../errors.js";

/** Errors of work on a file's contents name the file. @throws CheckpointError */
export function namingFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SlimsrError)) throw error;
    throw new CheckpointError(`${file}: ${error.message}`, { cause: error });
  }
}
