import { type Pixels, Upscaler } from "@slimsr/upscaler/web";
import * as ort from "onnxruntime-web";

const upscaler = await Upscaler.load("photo-x2", { engine: ort, wasmPaths: "/engine/" });
const canvas = document.createElement("canvas");
const bitmap: ImageBitmap = await upscaler.upscale(canvas);
const blob: Blob = await upscaler.upscale(canvas, { to: "blob" });
const data: ImageData = await upscaler.upscale(new ImageData(2, 2));
const pixels: Pixels = await upscaler.upscale(data, { to: "pixels", quality: 0.5 });
console.log(bitmap.width, blob.size, pixels.channels);
// @ts-expect-error the option has another type
await upscaler.upscale(canvas, { to: "gif" });
await upscaler.dispose();
