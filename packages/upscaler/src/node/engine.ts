import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import { DeviceError } from "@slimsr/core/internal/errors.js";

type Engine = typeof import("onnxruntime-node");

const ABSENT =
  "ONNX Runtime isn't installed: npm leaves it out where its script can't fetch CUDA's files, which cuda alone needs; " +
  "npm install --ignore-scripts onnxruntime-node brings it without them (with --global where slimsr is installed so)";

let engine: Promise<Engine> | undefined;

/**
 * ONNX Runtime, silent. It is loaded when first asked for.
 * @throws DeviceError where it isn't installed or has no build for this machine, naming what to do.
 */
export function loadEngine(): Promise<Engine> {
  engine ??= load();
  return engine;
}

/** ONNX Runtime's version. @throws DeviceError where it isn't installed */
export function engineVersion(): string {
  try {
    return (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
  } catch {
    throw new DeviceError(ABSENT);
  }
}

async function load(): Promise<Engine> {
  await silence();
  engineVersion();
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    throw new DeviceError(
      `ONNX Runtime can't be loaded on ${process.platform} ${process.arch}: ${reason}; it has builds for Linux with glibc and ` +
        "for Windows, x64 and arm64, and for Macs with Apple silicon",
    );
  }
}

/**
 * Keeps ONNX Runtime from recording how it is used and sending that to its maker: from its first session in a process on it
 * asks the process' environment. That of a thread is a copy, so a thread has the main one set it.
 */
export async function silence(): Promise<void> {
  if (isMainThread) {
    process.env.ORT_DISABLE_TELEMETRY = "1";
    return;
  }
  const { Session } = await import("node:inspector/promises");
  const main = new Session();
  main.connectToMainThread();
  // Waiting for an answer alone doesn't keep a thread alive.
  const waiting = setInterval(() => undefined, 1000);
  try {
    await main.post("Runtime.evaluate", { expression: 'process.env.ORT_DISABLE_TELEMETRY = "1"' });
  } finally {
    clearInterval(waiting);
    main.disconnect();
  }
}
