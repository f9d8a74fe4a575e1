import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { modelOf, randomParameters, rcan } from "../../../../test/support/networks.js";
import { CHROMIUM, describeWith } from "../../../../test/support/requirement.js";
import { rounded } from "../../../../test/support/rounded.js";
import { encodeCheckpoint } from "../../../core/src/checkpoints/checkpoint.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { quantisedFile } from "../../../core/src/formats/model-file.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { integerModel } from "../../../core/src/quantisation/stored.js";
import { SHIPPED_MODELS } from "../../src/loading/shipped-models.js";
import { Upscaler as NodeUpscaler } from "../../src/node/index.js";
import { inBrowser } from "./browser.js";
import type { Upscaling } from "./upscaler-page.js";
import { WEBGPU } from "./webgpu.js";

/** In the page. */
declare const upscaling: Upscaling;

/** Quick to compile on a software adapter. */
const SMALL: NetworkOptions = {
  ...{ architecture: "edsr", scale: 2, features: 8, range: 255, mean: [114, 111, 103], blocks: 1, resScale: 1 },
};

const POOLING = rcan(2, { features: 8 });

const WIDTH = 40;
const HEIGHT = 30;

describeWith(CHROMIUM, "an upscaler in a browser", (executablePath) => {
  const { open: openPage, site } = inBrowser(executablePath);
  let picture: Buffer;
  let expected: Buffer;

  beforeAll(async () => {
    const kodak = new URL("../../../../assets/held-out/Kodak/kodak-19.png", import.meta.url).pathname;
    picture = await sharp(kodak).resize(WIDTH, HEIGHT).png().toBuffer();
    expected = await byNode("photo-x2", { quality: 0.25 });
  });

  /** The samples of what Node makes of the picture. */
  async function byNode(model: string | Uint8Array, options: { readonly quality?: number } = {}): Promise<Buffer> {
    const node = await NodeUpscaler.load(model, { ...options, threads: 1 });
    const samples = await sharp(await node.upscale(picture))
      .raw()
      .toBuffer();
    await node.dispose();
    return samples;
  }

  const open = (from?: Browser): Promise<Page> =>
    openPage("/isolated", { ...(from && { from }), script: ["upscaler-page.js", "upscaling"] });

  /** The largest difference from Node's image. */
  const difference = (samples: ArrayLike<number>, from = expected) =>
    from.reduce((most, value, i) => Math.max(most, Math.abs(value - (samples[i] as number))), 0);

  it("keeps a file's 16 bits and profile in the file that it makes", async () => {
    const page = await open();
    const wide = await sharp(picture).toColourspace("rgb16").withIccProfile("p3").png().toBuffer();
    const png = await page.evaluate(
      async (bytes) => {
        const upscaler = await upscaling.Upscaler.load("photo-x2", { quality: 0.25, device: "cpu" });
        const large = await upscaler.upscale(upscaling.blobOf(bytes), { longEdge: 100 });
        await upscaler.dispose();
        return upscaling.bytesOf(large);
      },
      [...wide],
    );
    const made = await sharp(Buffer.from(png)).metadata();
    expect([made.width, made.height, made.depth]).toEqual([100, 75, "ushort"]);
    expect(made.icc).toEqual((await sharp(wide).metadata()).icc);
  });

  it.each(SHIPPED_MODELS)("has $name, and makes Node's image with it", async ({ name, qualities }) => {
    const quality = qualities.at(-1) as number;
    const page = await open();
    const png = await page.evaluate(
      async ([bytes, model, quality]) => {
        const upscaler = await upscaling.Upscaler.load(model, { quality, device: "cpu" });
        const large = await upscaler.upscale(upscaling.blobOf(bytes));
        await upscaler.dispose();
        return upscaling.bytesOf(large);
      },
      [[...picture], name, quality] as const,
    );
    const samples = await sharp(Buffer.from(png)).raw().toBuffer();
    expect(difference(samples, await byNode(name, { quality }))).toBeLessThanOrEqual(1);
  });

  it("makes of a file the PNG that Node makes, of other pictures their like", async () => {
    const page = await open();
    const { png, data, bitmap, device } = await page.evaluate(
      async ([bytes, width, height]) => {
        const upscaler = await upscaling.Upscaler.load("photo-x2", { quality: 0.25, device: "cpu" });
        const file = upscaling.blobOf(bytes);
        const large = await upscaler.upscale(file);
        const canvas = new OffscreenCanvas(width, height);
        const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
        context.drawImage(await createImageBitmap(file), 0, 0);
        const image = await upscaler.upscale(context.getImageData(0, 0, width, height));
        const shown = await upscaler.upscale(canvas, { scale: 1.5 });
        const { device } = upscaler;
        await upscaler.dispose();
        const png = await upscaling.bytesOf(large);
        return { png, data: [...image.data], bitmap: [shown.width, shown.height], device };
      },
      [[...picture], WIDTH, HEIGHT] as const,
    );
    const { data: samples, info } = await sharp(Buffer.from(png)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([2 * WIDTH, 2 * HEIGHT, 3]);
    expect(difference(samples)).toBeLessThanOrEqual(1);
    expect(difference(data.filter((_, i) => i % 4 < 3))).toBeLessThanOrEqual(1);
    expect(bitmap).toEqual([60, 45]);
    expect(device).toBe("cpu");
  });

  it("makes of a quantised network's checkpoint what it makes of its ONNX file", async () => {
    const page = await open();
    const onnx = integerModel(rounded(modelOf(SMALL), 4));
    const files = [onnx, quantisedFile(onnx, "q.safetensors")].map((file) => [...file]);
    const [ofOnnx, ofCheckpoint] = await page.evaluate(
      async ([models, bytes]) => {
        const made: number[][] = [];
        for (const model of models) {
          const upscaler = await upscaling.Upscaler.load(Uint8Array.from(model), { device: "cpu" });
          made.push([...(await upscaler.upscale(upscaling.blobOf(bytes), { to: "pixels" })).data]);
          await upscaler.dispose();
        }
        return made;
      },
      [files, [...picture]] as const,
    );
    expect(new Set(ofOnnx).size).toBeGreaterThan(20);
    expect(ofCheckpoint).toEqual(ofOnnx);
  });

  it("keeps a model from an address in the browser's cache", async () => {
    const page = await open();
    const address = `${site().url}/models/photo-x2.safetensors`;
    const before = site().requests.length;
    const qualities = await page.evaluate(async (url) => {
      const received: number[] = [];
      await upscaling.Upscaler.precache(url, { onDownload: (bytes) => received.push(bytes) });
      const upscaler = await upscaling.Upscaler.load(url, { quality: 0.25, device: "cpu" });
      await upscaler.dispose();
      return [...upscaler.qualities, (received.at(-1) ?? 0) > 1e6];
    }, address);
    expect(qualities).toEqual([1, 0.5, 0.25, true]);
    expect(
      site()
        .requests.slice(before)
        .filter((path) => path.startsWith("/models/")),
    ).toHaveLength(1);
  });

  it("goes on on the processor where there is no graphics processor, and says why", async () => {
    const page = await open();
    const [device, reason, strict] = await page.evaluate(async () => {
      let told = "";
      const options = { quality: 0.25, device: "webgpu" as const };
      const upscaler = await upscaling.Upscaler.load("photo-x2", {
        ...options,
        onFallback: (reason) => {
          told = reason;
        },
      });
      const refused = await upscaling.Upscaler.load("photo-x2", { ...options, strict: true }).then(
        () => "no error",
        String,
      );
      return [upscaler.device, told, refused];
    });
    expect(device).toBe("cpu");
    expect(reason).toContain("webgpu is not used");
    expect(strict).toContain("webgpu");
  });

  it("runs on a graphics processor where that computes what the processor does", async () => {
    const gpu = await chromium.launch({ executablePath, args: WEBGPU });
    onTestFinished(() => gpu.close());
    const page = await open(gpu);
    const model = encodeCheckpoint({ network: SMALL, parameters: stateOf(randomParameters(SMALL)) });
    const [device, data] = await page.evaluate(
      async ([checkpoint, bytes]) => {
        const upscaler = await upscaling.Upscaler.load(Uint8Array.from(checkpoint), { strict: true });
        const { data } = await upscaler.upscale(upscaling.blobOf(bytes), { to: "pixels" });
        return [upscaler.device, [...data]] as const;
      },
      [[...model], [...picture]] as const,
    );
    expect(device).toBe("webgpu");
    expect(difference(data, await byNode(model))).toBeLessThanOrEqual(1);
  });

  it.each([
    // The first run checks the device.
    [[1], "webgpu"],
    [[1, 0], "cpu"],
  ] as const)("goes on where a graphics processor is lost after %j runs, on %s", async (runs, expectedDevice) => {
    const gpu = await chromium.launch({ executablePath, args: WEBGPU });
    onTestFinished(() => gpu.close());
    const page = await open(gpu);
    const model = encodeCheckpoint({ network: SMALL, parameters: stateOf(randomParameters(SMALL)) });
    const [device, data, reasons, left] = await page.evaluate(
      async ([checkpoint, bytes, losses]) => {
        const left = upscaling.loseDevices(losses);
        const told: string[] = [];
        const upscaler = await upscaling.Upscaler.load(Uint8Array.from(checkpoint), {
          device: "webgpu",
          onFallback: (reason) => told.push(reason),
        });
        const { data } = await upscaler.upscale(upscaling.blobOf(bytes), { to: "pixels" });
        return [upscaler.device, [...data], told, left] as const;
      },
      [[...model], [...picture], runs] as const,
    );
    expect(left).toEqual([]);
    expect(device).toBe(expectedDevice);
    expect(reasons).toEqual(expectedDevice === "cpu" ? [expect.stringContaining("webgpu is not used")] : []);
    expect(difference(data, await byNode(model))).toBeLessThanOrEqual(1);
  });

  it("makes of tiles what Node makes of the whole image, of a network that pools it", async () => {
    const page = await open();
    const model = encodeCheckpoint({ network: POOLING, parameters: stateOf(randomParameters(POOLING)) });
    const [tiles, data] = await page.evaluate(
      async ([checkpoint, bytes]) => {
        const options = { device: "cpu" as const, memory: 2 ** 17 };
        const upscaler = await upscaling.Upscaler.load(Uint8Array.from(checkpoint), options);
        let tiles = 0;
        const onProgress = ({ total }: { total: number }) => {
          tiles = total;
        };
        const { data } = await upscaler.upscale(upscaling.blobOf(bytes), { to: "pixels", onProgress });
        await upscaler.dispose();
        return [tiles, [...data]] as const;
      },
      [[...model], [...picture]] as const,
    );
    // Two passes over the tiles at least.
    expect(tiles).toBeGreaterThan(3);
    expect(difference(data, await byNode(model))).toBeLessThanOrEqual(1);
  });

  it("says of a file that is no image what it is", async () => {
    const page = await open();
    const message = await page.evaluate(async () => {
      const upscaler = await upscaling.Upscaler.load("photo-x2", { quality: 0.25, device: "cpu" });
      return upscaler.upscale(new Blob(["no image"])).then(() => "no error", String);
    });
    expect(message).toContain("ImageError");
  });
});
