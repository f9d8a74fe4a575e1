/** Our upscaler as a peer: the argument has models' files by their qualities, each line of input is a `Request`, each answer its `Times`. */
import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { fromJson, toJson } from "../../packages/slimsr/src/files/json.js";
import { sourceInMemory } from "../../packages/upscaler/src/images/pixels.js";
import { readNetworkFile } from "../../packages/upscaler/src/loading/network-file.js";
import { createSession } from "../../packages/upscaler/src/node/session.js";
import type { CreateSession } from "../../packages/upscaler/src/tiling/tiled-network.js";
import { gathered } from "../../packages/upscaler/src/upscaling/bands.js";
import { loadNetwork } from "../../packages/upscaler/src/upscaling/load.js";
import type { PixelUpscaler } from "../../packages/upscaler/src/upscaling/pixel-upscaler.js";
import type { Request, Times } from "./contenders.js";

let engine = 0;
/** Sums the engine's own time of all runs. */
const timed: CreateSession = async (onnx, options) => {
  const session = await createSession(onnx, options);
  return {
    close: () => session.close(),
    carried: () => session.carried(),
    run: async (feeds, how) => {
      const result = await session.run(feeds, how);
      engine += result.milliseconds;
      return result;
    },
  };
};

const platform = { create: timed, createForeign: timed, autoDevice: async () => "cpu" as const };

/** A file's network of one quality. */
async function openNetwork(path: string, quality: number): Promise<PixelUpscaler> {
  const upscaler = await loadNetwork(readNetworkFile(await readFile(path), basename(path)), platform, {});
  // Of one network, it is the whole.
  if (upscaler.qualities.length > 1) upscaler.quality = quality;
  await upscaler.networkOf();
  return upscaler;
}

const [, , models = "{}"] = process.argv;
const upscalers = new Map<number, PixelUpscaler>();
for (const [quality, path] of Object.entries(fromJson(models) as Record<string, string>)) {
  upscalers.set(Number(quality), await openNetwork(path, Number(quality)));
}
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { input, width, height, output, quality = 1 } = fromJson(line) as Request;
  const data = new Uint8Array(await readFile(input));
  const upscaler = upscalers.get(quality);
  if (!upscaler) throw new RangeError(`no file for quality ${quality}`);
  engine = 0;
  const start = performance.now();
  const { bands, height: rows } = upscaler.enlarge(sourceInMemory({ data, width, height, channels: 3 }));
  const result = await gathered(bands, rows);
  const times: Times = { whole: performance.now() - start, engine };
  if (output !== undefined) await writeFile(output, result.data);
  console.log(toJson(times));
}
for (const upscaler of upscalers.values()) await upscaler.dispose();
console.log(process.resourceUsage().maxRSS * 1024);
