import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageError } from "@slimsr/core/internal/errors.js";
import { systemReason } from "./system-reason.js";

const PREFIX = "slimsr-images-";
const DAY = 24 * 60 * 60 * 1000;

let cleaned: Promise<void> | undefined;

/** A new folder for files that are gone when their work is done. @throws ImageError where there can be none */
export async function temporaryFolder(): Promise<string> {
  cleaned ??= removeAbandoned();
  await cleaned;
  return mkdtemp(join(tmpdir(), PREFIX)).catch((error: unknown) => unusable(systemReason(error), error));
}

/** @throws ImageError that says how to have another folder */
export function unusable(reason: string, cause: unknown): never {
  throw new ImageError(
    `${tmpdir()}, where pixels of large images lie, can't be used: ${reason}; have TMPDIR (on Windows TEMP) name another folder`,
    { cause },
  );
}

/** Removes what processes that were killed have left, a day before or longer. */
async function removeAbandoned(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > DAY) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
