import { createHash } from "node:crypto";
import { readBytes } from "./checkpoints.js";

/** SHA-256 of a file's bytes. @throws CheckpointError where it can't be read */
export const fileDigest = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readBytes(path))
    .digest("hex");
