import { describe, expect, it } from "vitest";
import { readVgg19 } from "../src/checkpoints/vgg19.js";
import { onnxDeployment } from "../src/export/onnx-file.js";
import { readModel } from "../src/formats/model-file.js";
import { decodeOnnx } from "../src/onnx/codec.js";

const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
const page = "\n<!DOCTYPE html><html><head><title>Sign in</title>";

describe("a file that stands in another's place", () => {
  it.each([
    ["a Git LFS pointer", pointer, "it is a Git LFS pointer; fetch the file itself with git lfs pull"],
    ["a web page", page, "it is a web page"],
  ])("is told by every reader: %s", (_, text, message) => {
    const bytes = new TextEncoder().encode(text);
    for (const file of ["x.pt", "x.pth", "x.safetensors", "x.onnx"]) {
      expect(() => readModel(bytes, file), file).toThrow(new RegExp(`${file.replace(".", "\\.")}.*${message}`));
    }
    expect(() => readVgg19(bytes, "vgg.pth")).toThrow(message);
    expect(() => onnxDeployment("x.onnx", bytes)).toThrow(message);
    expect(() => decodeOnnx(bytes)).toThrow(message);
  });
});
