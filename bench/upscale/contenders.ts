import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { toJson } from "../../packages/slimsr/src/files/json.js";
import { Peer } from "../step/peers.js";

/** A file of raw RGB. */
export interface RawImage {
  readonly input: string;
  readonly width: number;
  readonly height: number;
}

/** An image that a contender is to upscale, and where raw RGB is to be written, if anywhere. */
export interface Request extends RawImage {
  readonly output?: string;
  readonly quality?: number;
}

/** Milliseconds from bytes to bytes, and of the network alone. */
export interface Times {
  readonly whole: number;
  readonly engine: number;
}

/** A network in a process of its own. */
export interface Contender {
  readonly name: string;
  /** The share of the full network's channels, where there are networks of several. */
  readonly quality?: number;
  readonly peer: Peer;
}

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** @param models files by the qualities that are asked of them */
export const ourPeer = (models: Readonly<Record<number, string>>): Peer =>
  new Peer(process.execPath, ["--import", "tsx", beside("ours.ts"), toJson(models)]);

export const torchPeer = (model: string, { input, width, height }: RawImage): Peer =>
  new Peer("/usr/bin/python3", [beside("peer.py"), model, input, String(width), String(height)]);

/** What npm is to install for UpscalerJS, in a folder that stays for the next time. */
const PACKAGES = {
  "@tensorflow/tfjs": "4.11.0",
  "@tensorflow/tfjs-backend-wasm": "4.11.0",
  "@upscalerjs/esrgan-slim": "1.0.0",
  upscaler: "1.0.0",
};

/** @throws where npm's registry can't be reached and the folder isn't there yet */
export async function upscalerJsPeer(): Promise<Peer> {
  const folder = join(tmpdir(), "slimsr-bench-upscalerjs");
  const packages = join(folder, "node_modules");
  if (!existsSync(join(packages, "upscaler"))) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), toJson({ private: true, dependencies: PACKAGES }));
    const install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    await promisify(execFile)("npm", install, { cwd: folder });
  }
  const outfile = join(folder, "peer.cjs");
  await build({
    ...{ entryPoints: [beside("upscalerjs.js")], outfile, nodePaths: [packages] },
    ...{ bundle: true, platform: "node", format: "cjs", logLevel: "error" },
  });
  return new Peer(process.execPath, [outfile, packages]);
}
