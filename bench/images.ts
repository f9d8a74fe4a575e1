/**
 * Files of images: time, processor time and memory at most of a photograph of --megapixels (100) that is read, enlarged pixel by pixel
 * and written, PNG to PNG and a turned JPEG to JPEG, each in a process of its own; then the speed and size of PNGs, ours and sharp's.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { type CreateDeflater, platformDeflater } from "../packages/upscaler/src/images/deflate.js";
import { rowsOf } from "../packages/upscaler/src/images/pixels.js";
import { pngSink } from "../packages/upscaler/src/images/png.js";
import { nodeDeflater } from "../packages/upscaler/src/node/deflate.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median } from "./in-turn.js";

const PHOTOGRAPH = fileURLToPath(new URL("../test/fixtures/images/kodak-23.png", import.meta.url));
const CHAIN = fileURLToPath(new URL("images/chain.ts", import.meta.url));

const { values } = scriptArguments(import.meta.url, { options: { megapixels: { type: "string", default: "100" } } });
const side = Math.round(Math.sqrt(Number(values.megapixels) * 1e6));

const photograph = (width: number, height: number) =>
  sharp(PHOTOGRAPH, { limitInputPixels: false }).resize(width, height, { fit: "fill" });

const folder = await mkdtemp(join(tmpdir(), "slimsr-bench-images-"));
try {
  await photograph(side, side).png({ compressionLevel: 3 }).toFile(join(folder, "in.png"));
  await photograph(side, side).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toFile(join(folder, "in.jpg"));
  for (const ending of ["png", "jpg"]) {
    const [input, output] = [join(folder, `in.${ending}`), join(folder, `out.${ending}`)];
    const printed = execFileSync(process.execPath, ["--import", "tsx", CHAIN, input, output], { encoding: "utf8" });
    const { seconds, cpuSeconds, mebibytes } = JSON.parse(printed) as Record<string, number>;
    const { size } = await stat(output);
    console.log(
      `${ending}, ${side}×${side}, twice as large: ${seconds?.toFixed(1)} s (${cpuSeconds?.toFixed(1)} s of processors), ` +
        `${mebibytes?.toFixed(0)} MiB at most, ${(size / 1e6).toFixed(1)} MB`,
    );
  }
} finally {
  await rm(folder, { recursive: true });
}

const { data, info } = await photograph(2048, 1536).raw().toBuffer({ resolveWithObject: true });
const pixels = { data, width: info.width, height: info.height, channels: 3 } as const;

async function ours(deflater: CreateDeflater): Promise<number> {
  let length = 0;
  const count = async (bytes: Uint8Array) => {
    length += bytes.length;
  };
  const out = { write: count, close: async () => {}, abort: async () => {} };
  const sink = pngSink({ ...pixels, depth: 8 }, out, { deflater });
  for (let top = 0; top < pixels.height; top += 64) await sink.write(rowsOf(pixels, top, 64));
  await sink.end();
  return length;
}

const theirs = async (adaptiveFiltering: boolean) =>
  (await sharp(data, { raw: info }).png({ adaptiveFiltering }).toBuffer()).length;

const encoders: Record<string, () => Promise<number>> = {
  "ours, zlib in threads": () => ours(nodeDeflater),
  "ours, CompressionStream": () => ours(platformDeflater),
  "sharp's": () => theirs(false),
  "sharp's, filtered": () => theirs(true),
};
for (const [name, encode] of Object.entries(encoders)) {
  const times: number[] = [];
  let length = 0;
  for (let run = 0; run < 5; run++) {
    const start = performance.now();
    length = await encode();
    times.push(performance.now() - start);
  }
  console.log(`PNG, ${name}: ${(data.length / 1e3 / median(times)).toFixed(0)} MB/s, ${(length / 1e6).toFixed(2)} MB`);
}
