import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFIX = "slimsr-images-";
const DAY = 24 * 60 * 60 * 1000;

let cleaned: Promise<void> | undefined;

/** A new folder for files that are gone when their work is done. @throws the file system's error */
export async function temporaryFolder(): Promise<string> {
  cleaned ??= removeAbandoned();
  await cleaned;
  return mkdtemp(join(tmpdir(), PREFIX));
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
