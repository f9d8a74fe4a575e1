import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { modelOf, randomParameters } from "../../../../test/support/networks.js";
import { encodeCheckpoint } from "../../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { CheckpointError, ImageError } from "../../../core/src/errors.js";
import { exampleOf, exportModel } from "../../../core/src/export/onnx.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import type { LoadOptions } from "../../src/node/upscaler.js";
import { Upscaler } from "../../src/node/upscaler.js";

const ASSETS = join(import.meta.dirname, "../../../../assets");

const network: NetworkOptions = {
  ...{ architecture: "edsr", scale: 2, features: 8, range: 255, mean: [114, 111, 103], blocks: 1, resScale: 1 },
};
const checkpoint = encodeCheckpoint({ network, parameters: stateOf(randomParameters(network)), widths: [1, 0.5] });

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slimsr-upscaler-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(source: string | Uint8Array = checkpoint, options: LoadOptions = {}): Promise<Upscaler> {
  const upscaler = await Upscaler.load(source, { threads: 1, ...options });
  onTestFinished(() => upscaler.dispose());
  return upscaler;
}

const picture = (width = 30, height = 20) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 90, b: 30 } } });

describe("an upscaler in Node", () => {
  it("makes of a file a file, of the kind that its name says", async () => {
    const upscaler = await load();
    const input = join(folder, "in.jpg");
    await picture().jpeg().toFile(input);
    for (const format of ["png", "jpeg", "webp", "tiff"] as const) {
      const output = join(folder, `out.${format}`);
      const made = await upscaler.upscaleFile(input, output);
      expect(made).toEqual({ width: 60, height: 40, format, frames: 1 });
      expect(await sharp(output).metadata()).toMatchObject({ width: 60, height: 40, format });
    }
  });

  it("makes of bytes and streams bytes, of pixels pixels", async () => {
    const upscaler = await load();
    const png = await picture().png().toBuffer();
    const made = await upscaler.upscale(png, { format: "webp" });
    expect(await sharp(made).metadata()).toMatchObject({ width: 60, height: 40, format: "webp" });
    async function* stream() {
      yield png.subarray(0, 50);
      yield png.subarray(50);
    }
    const { data, info } = await sharp(await upscaler.upscale(stream()))
      .raw()
      .toBuffer({ resolveWithObject: true });
    const raw = await picture().raw().toBuffer();
    const pixels = await upscaler.upscale({ data: new Uint8Array(raw), width: 30, height: 20, channels: 3 });
    expect([pixels.width, pixels.height]).toEqual([info.width, info.height]);
    expect(Buffer.from(pixels.data as Uint8Array).equals(data)).toBe(true);
  });

  it("writes nothing where the image is damaged or the format can't hold it", async () => {
    const upscaler = await load();
    const output = join(folder, "none.jpg");
    await expect(upscaler.upscaleFile(Buffer.from("no image at all"), output)).rejects.toThrow(ImageError);
    const clear = await picture().ensureAlpha(0.5).png().toBuffer();
    await expect(upscaler.upscaleFile(clear, output)).rejects.toThrow("JPEG cannot hold transparency");
    await expect(readFile(output)).rejects.toThrow("ENOENT");
  });

  it("keeps an animation's frames and their times", async () => {
    const frames = await Promise.all(
      [0, 120, 240].map((red) =>
        sharp({ create: { width: 12, height: 10, channels: 3, background: { r: red, g: 50, b: 99 } } })
          .png()
          .toBuffer(),
      ),
    );
    const gif = await sharp(frames, { join: { animated: true } })
      .gif({ delay: [100, 200, 300], loop: 2 })
      .toBuffer();
    const made = await (await load()).upscale(gif, { format: "webp", lossless: true });
    const { pages, delay, loop, width, pageHeight } = await sharp(made, { animated: true }).metadata();
    expect({ pages, delay, loop, width, pageHeight }).toEqual({
      ...{ pages: 3, delay: [100, 200, 300], loop: 2, width: 24, pageHeight: 20 },
    });
  });

  it("finds the range of someone's ONNX on the first image, in a process of its own", async () => {
    const file = "edsr_r8f64_x2.safetensors";
    const edsr = readModel(await readFile(join(ASSETS, "teachers", file)), file);
    const open = { dynamicAxes: { lr: { 2: "h", 3: "w" }, sr: { 2: "H", 3: "W" } } };
    const [unsaid, told] = [await load(writeOnnx(exampleOf(edsr), open)), await load(exportModel(edsr))];
    const image = await sharp(join(ASSETS, "held-out/Kodak/kodak-19.png")).resize(60, 40).png().toBuffer();
    expect((await unsaid.upscale(image)).equals(await told.upscale(image))).toBe(true);
    const noise = await load(writeOnnx(exampleOf(modelOf(network)), open));
    await expect(noise.upscale(image)).rejects.toThrow("range: 255 or range: 1");
  });

  it("says what is wrong with what it is given", async () => {
    await expect(load(join(folder, "absent.onnx"))).rejects.toThrow(CheckpointError);
    await expect(load(new Uint8Array(100))).rejects.toThrow("model.onnx");
    await expect(load("photo-x3")).rejects.toThrow("photo-x3");
  });
});

describe("a model from an address", () => {
  let url = "";
  const asked: string[] = [];
  const server = createServer(({ url: path = "" }, response) => {
    asked.push(path);
    if (path === "/short.safetensors") {
      response.writeHead(200, { "content-length": String(checkpoint.length) });
      response.write(checkpoint.subarray(0, 100));
      return void setTimeout(() => response.destroy(), 50);
    }
    if (path !== "/slim.safetensors") return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": String(checkpoint.length) }).end(checkpoint);
  });
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  const sha256 = createHash("sha256").update(checkpoint).digest("hex");

  it("is fetched once, checked, and then at hand without a network", async () => {
    const cache = join(folder, "cache");
    const received: number[] = [];
    await Upscaler.precache(`${url}/slim.safetensors`, { cache, sha256, onDownload: (bytes) => received.push(bytes) });
    expect(received.at(-1)).toBe(checkpoint.length);
    const upscaler = await load(`${url}/slim.safetensors`, { cache, sha256 });
    expect(upscaler.qualities).toEqual([1, 0.5]);
    expect(asked.filter((path) => path === "/slim.safetensors")).toHaveLength(1);
  });

  it("is fetched again where what was kept is damaged", async () => {
    const cache = join(folder, "damaged");
    await Upscaler.precache(`${url}/slim.safetensors`, { cache });
    const [name = ""] = await readdir(cache);
    await writeFile(join(cache, name), "gone bad");
    expect((await load(`${url}/slim.safetensors`, { cache, sha256 })).scale).toBe(2);
  });

  it("is refused where it isn't what was asked for, ends early or isn't there", async () => {
    const cache = false;
    await expect(load(`${url}/slim.safetensors`, { cache, sha256: "00".repeat(32) })).rejects.toThrow(sha256);
    await expect(load(`${url}/short.safetensors`, { cache })).rejects.toThrow("broke off after 100");
    await expect(load(`${url}/none.onnx`, { cache })).rejects.toThrow("404");
  });
});
