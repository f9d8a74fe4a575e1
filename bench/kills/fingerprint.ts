import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

/** Files that hold times, machines or names of processes besides what they are for. */
const OTHER = /^(events\.out\.|environment\.json$|report\.html$|comparison\.html$)/;

/** A digest of each file of a folder, without what is each run's own. */
export async function fingerprint(folder: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const file of (await readdir(folder, { recursive: true })).sort()) {
    if (OTHER.test(basename(file)) || !(await stat(join(folder, file))).isFile()) continue;
    digests.set(
      file,
      createHash("sha256")
        .update(timeless(file, await readFile(join(folder, file))))
        .digest("hex"),
    );
  }
  return digests;
}

function timeless(file: string, bytes: Buffer): Buffer | string {
  if (/checkpoints\/.*\.safetensors$/.test(file)) return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
  if (!/(result|comparison|metrics)\.jsonl?$/.test(file)) return bytes;
  const values = bytes
    .toString("utf8")
    .trim()
    .split(/\n(?=\{)/)
    .map((text) => JSON.parse(text) as unknown);
  return JSON.stringify(values, (key, value) => (OWN.includes(key) ? undefined : value));
}

const OWN = [
  ...["seconds", "peakMemory", "joules", "msPerImage", "secondsPerStep", "created", "run", "files", "environment"],
];

/** What a process that was killed may leave: files half written, locks, folders for temporary files. */
export async function leftovers(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  return files.filter((file) => /^\..*\.tmp$|^lock$|^slimsr-/.test(basename(file))).map((file) => join(folder, file));
}
