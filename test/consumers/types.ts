import { readFile } from "node:fs/promises";
import { DEFAULT_MODEL, type Pixels, SHIPPED_MODELS, Upscaler } from "@slimsr/upscaler/node";
import * as ort from "onnxruntime-node";

const stop = new AbortController();
const upscaler = await Upscaler.load(DEFAULT_MODEL, { quality: "auto", maxMs: 500, engine: ort, threads: 2 });
const qualities: readonly number[] = upscaler.qualities;
const file: Uint8Array = await upscaler.upscale(await readFile("photograph.jpg"), {
  format: "webp",
  signal: stop.signal,
});
const pixels: Pixels = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };
const larger: Pixels = await upscaler.upscale(pixels, {
  scale: 3,
  onProgress: ({ done, total }: { done: number; total: number }) => console.log(done / total),
});
for await (const { x, y, pixels: tile } of upscaler.tiles(larger, { quality: qualities[0] }))
  console.log(x + y + tile.width);
await upscaler.upscaleFile("in.png", "out.png", { longEdge: 4000 });
console.log(
  file.length,
  SHIPPED_MODELS.map(({ name }) => name.toUpperCase()),
);
// @ts-expect-error the option has another type
await Upscaler.load("photo-x2", { quality: "best" });
await upscaler.dispose();
