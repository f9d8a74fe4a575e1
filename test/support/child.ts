import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs Node in a process of its own from the repository's root; a program that doesn't end in time fails with code 143. */
export function runNode(
  args: readonly string[],
  { env = {}, seconds = 60 }: { env?: Readonly<Record<string, string>>; seconds?: number } = {},
): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { ...process.env, ...env }, timeout: seconds * 1000, maxBuffer: 2 ** 26 };
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === "number" ? error.code : 143) : 0;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs a module's source. */
export const runSource = (source: string, options: Parameters<typeof runNode>[1] = {}): Promise<Finished> =>
  runNode(["--input-type=module", "-e", source], options);
