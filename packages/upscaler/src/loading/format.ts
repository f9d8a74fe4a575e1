/** A model's file. */
export interface NamedBytes {
  readonly bytes: Uint8Array;
  /** What errors call it; its ending tells the format. */
  readonly name: string;
}

/** A name for bytes that have none: of safetensors (a header's length, then a brace), of PyTorch (a zip), or else of ONNX. */
export function nameOfBytes(bytes: Uint8Array): string {
  if (bytes[8] === 0x7b) return "model.safetensors";
  return bytes[0] === 0x50 && bytes[1] === 0x4b ? "model.pt" : "model.onnx";
}
