/**
 * Peak memory (the kernel's VmHWM) of a process that upscales a photograph of a file into a file, with the model that ships: large
 * images stream through. Linux.
 * Arguments: --megapixels N (100), --quality Q (0.25), --from FORMAT (jpeg), --to FORMAT (png), --json.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { fromJson, toJson } from "../packages/slimsr/src/files/json.js";
import { scriptArguments } from "../test/support/arguments.js";

const TARGET = 2 ** 30;
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    megapixels: { type: "string", default: "100" },
    quality: { type: "string", default: "0.25" },
    from: { type: "string", default: "jpeg" },
    to: { type: "string", default: "png" },
    json: { type: "boolean", default: false },
  },
});
const side = Math.round(Math.sqrt(Number(values.megapixels) * 1e6));

/** Compiled code: a compiler beside it would take memory. */
const PROGRAM = `
  import { readFileSync } from "node:fs";
  import { Upscaler } from ${toJson(new URL("../packages/upscaler/dist/node/index.js", import.meta.url).href)};
  const [, input, output, quality] = process.argv;
  const upscaler = await Upscaler.load("photo-x2", { quality: Number(quality) });
  const start = performance.now();
  const made = await upscaler.upscaleFile(input, output);
  const seconds = (performance.now() - start) / 1e3;
  await upscaler.dispose();
  const [, kilobytes] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  console.log(JSON.stringify({ ...made, seconds, peak: Number(kilobytes) * 1024 }));
`;

interface Made {
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly peak: number;
}

const folder = await mkdtemp(join(tmpdir(), "slimsr-memory-"));
try {
  const [input, output] = [join(folder, `input.${values.from}`), join(folder, `output.${values.to}`)];
  await sharp(beside("../test/fixtures/images/kodak-23.png"), { limitInputPixels: false })
    .resize(side, side, { fit: "fill" })
    .toFile(input);
  const program = ["--input-type=module", "--eval", PROGRAM, input, output, values.quality];
  const { stdout } = await promisify(execFile)(process.execPath, program);
  const made = fromJson(stdout) as Made;
  const [before, after] = await Promise.all([stat(input), stat(output)]);
  if (values.json) {
    console.log(toJson({ side, ...made, bytes: { input: before.size, output: after.size } }, 2));
  } else {
    const files = `${values.from} of ${(before.size / 1e6).toFixed(1)} MB, ${values.to} of ${(after.size / 1e6).toFixed(1)} MB`;
    console.log(`${side}×${side} to ${made.width}×${made.height} at quality ${values.quality} (${files})`);
    const verdict = made.peak <= TARGET ? "within" : "above";
    console.log(`peak ${Math.round(made.peak / 2 ** 20)} MiB, ${verdict} 1024 MiB; ${made.seconds.toFixed(0)} s`);
  }
} finally {
  await rm(folder, { recursive: true });
}
