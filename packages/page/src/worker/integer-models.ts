import type { ModelFile } from "../messages/calls.js";

/** Bundlers recognise a file by an address that is written in full. */
const FILES: Readonly<Record<string, Readonly<Record<number, () => URL>>>> = {
  "photo-x2": {
    1: () => new URL("../../../../assets/int8/edsr_r8f64_x2-1.onnx", import.meta.url),
    0.5: () => new URL("../../../../assets/int8/edsr_r8f64_x2-0.5.onnx", import.meta.url),
    0.25: () => new URL("../../../../assets/int8/edsr_r8f64_x2-0.25.onnx", import.meta.url),
  },
  "photo-x2-fast": { 1: () => new URL("../../../../assets/int8/edsr_r8f32_x2-1.onnx", import.meta.url) },
  "jpeg-x2": {
    1: () => new URL("../../../../assets/int8/edsr_r8f64_x2_jpeg-1.onnx", import.meta.url),
    0.5: () => new URL("../../../../assets/int8/edsr_r8f64_x2_jpeg-0.5.onnx", import.meta.url),
    0.25: () => new URL("../../../../assets/int8/edsr_r8f64_x2_jpeg-0.25.onnx", import.meta.url),
  },
  "photo-x4": {
    1: () => new URL("../../../../assets/int8/edsr_r8f64_x4-1.onnx", import.meta.url),
    0.5: () => new URL("../../../../assets/int8/edsr_r8f64_x4-0.5.onnx", import.meta.url),
    0.25: () => new URL("../../../../assets/int8/edsr_r8f64_x4-0.25.onnx", import.meta.url),
  },
  "photo-x4-fast": { 1: () => new URL("../../../../assets/int8/edsr_r8f32_x4-1.onnx", import.meta.url) },
};

/** A quality of a model that ships, in integers of 8 bits. */
export function integerModel({ key }: ModelFile, quality: number): ModelFile | undefined {
  const source = FILES[key]?.[quality]?.().href;
  return source === undefined ? undefined : { key: `${key} INT8 ${quality}`, source, name: `${key}-int8.onnx` };
}
