/** Our upscaler as a peer: the argument is a model's file, each line of input a `Request`, each answer its `Times`. */
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

const [, , path = ""] = process.argv;
const platform = { create: timed, createForeign: timed, autoDevice: async () => "cpu" as const };
const upscaler = await loadNetwork(readNetworkFile(await readFile(path), basename(path)), platform, {});
for (const quality of upscaler.qualities) await upscaler.networkOf(quality);
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const { input, width, height, output, quality = 1 } = fromJson(line) as Request;
  const data = new Uint8Array(await readFile(input));
  engine = 0;
  const start = performance.now();
  const { bands, height: rows } = upscaler.enlarge(sourceInMemory({ data, width, height, channels: 3 }), { quality });
  const result = await gathered(bands, rows);
  const times: Times = { whole: performance.now() - start, engine };
  if (output !== undefined) await writeFile(output, result.data);
  console.log(toJson(times));
}
await upscaler.dispose();
console.log(process.resourceUsage().maxRSS * 1024);
