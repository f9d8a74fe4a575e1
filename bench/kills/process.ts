import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/slimsr/bin/slimsr.js", import.meta.url));

export interface Ended {
  readonly killed: boolean;
  readonly milliseconds: number;
}

/** Runs a command to its end, or until it is killed after a time. @throws where it fails by itself */
export async function runUntil(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  milliseconds?: number,
): Promise<Ended> {
  const begun = performance.now();
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const timer = milliseconds === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === null && code !== 0) throw new Error(`slimsr ${args.join(" ")} ended with ${code}: ${stderr}`);
  return { killed: signal !== null, milliseconds: performance.now() - begun };
}
