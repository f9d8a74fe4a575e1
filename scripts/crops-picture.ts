/**
 * The picture of crops on top of README: photographs enlarged by bicubic interpolation, by EDSR at half its channels as published methods start, by the
 * same as `slim` makes it, and by the whole EDSR, beside the originals. All files are made by the command line, as built.
 *
 *   npm run build && node --import tsx scripts/crops-picture.ts
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp, { type OverlayOptions } from "sharp";

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const TEACHER = root("assets/teachers/edsr_r8f64_x2.safetensors");
const SET = root("assets/held-out/Kodak");
const PICTURE = root("assets/pictures/crops.webp");

/** Where the crops lie, in pixels of the photographs. */
const CROPS = [
  { image: "kodak-19.png", left: 150, top: 395 },
  { image: "kodak-24.png", left: 300, top: 250 },
  { image: "kodak-20.png", left: 250, top: 300 },
];
const CROP = { width: 112, height: 84 };
const ZOOM = 2;
const CELL = { width: ZOOM * CROP.width, height: ZOOM * CROP.height };
const [GAP, HEADING] = [4, 44];

const METHODS = [
  { file: "bicubic", name: "bicubic" },
  { file: "plain.onnx", name: "half, first channels" },
  { file: "slim.onnx", name: "half, by slim" },
  { file: "edsr_r8f64_x2.safetensors", name: "EDSR" },
];

const folder = await mkdtemp(join(tmpdir(), "slimsr-picture-"));
const slimsr = async (...words: readonly string[]): Promise<string> => {
  const command = [root("packages/slimsr/bin/slimsr.js"), ...words];
  return (await promisify(execFile)(process.execPath, command, { cwd: folder })).stdout;
};

/** A line of text and a smaller one below it, above column `column`. */
function heading(column: number, title: string, detail: string): string {
  const x = column * (CELL.width + GAP) + CELL.width / 2;
  return `<text x="${x}" y="18" class="title">${title}</text><text x="${x}" y="35">${detail}</text>`;
}

async function cell(file: string, row: number, column: number): Promise<OverlayOptions> {
  const { left, top } = CROPS[row] as (typeof CROPS)[number];
  const input = await sharp(file)
    .extract({ left, top, ...CROP })
    .resize({ ...CELL, kernel: "nearest" })
    .png()
    .toBuffer();
  return { input, left: column * (CELL.width + GAP), top: HEADING + row * (CELL.height + GAP) };
}

try {
  await slimsr("slim", "--teacher", TEACHER, "--width", "0.5", "--out", "slim");
  await slimsr("slim", "--teacher", TEACHER, "--width", "0.5", "--init", "plain", "--no-refit", "--out", "plain");
  const models = ["plain.onnx", "slim.onnx", TEACHER];
  const printed = await slimsr("evaluate", "--model", ...models, "--data", SET, "--save", "saved", "--json");
  const rows = JSON.parse(printed) as readonly { model: string; psnr: number }[];
  const columns = [
    ...METHODS.map(({ file, name }) => {
      const row = rows.find(({ model }) => model === file);
      if (!row) throw new Error(`evaluate has no row of ${file}`);
      return {
        name,
        detail: `${row.psnr.toFixed(2)} dB`,
        of: (image: string) => join(folder, "saved/Kodak", file, image),
      };
    }),
    { name: "the original", detail: "", of: (image: string) => join(SET, image) },
  ];
  const size = {
    width: columns.length * (CELL.width + GAP) - GAP,
    height: HEADING + CROPS.length * (CELL.height + GAP) - GAP,
  };
  const style =
    "text { font: 14px sans-serif; fill: #555; text-anchor: middle } .title { font-weight: bold; fill: #111 }";
  const texts = columns.map(({ name, detail }, i) => heading(i, name, detail)).join("");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${HEADING}"><style>${style}</style>${texts}</svg>`;
  const cells = CROPS.flatMap(({ image }, row) => columns.map(({ of }, column) => cell(of(image), row, column)));
  await sharp({ create: { ...size, channels: 3, background: "#fff" } })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }, ...(await Promise.all(cells))])
    .webp({ quality: 90, effort: 6 })
    .toFile(PICTURE);
} finally {
  await rm(folder, { recursive: true, force: true });
}
