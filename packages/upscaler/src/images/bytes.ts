/** Where bytes go, in order. A WritableStream's writer is one. */
export interface ByteSink {
  /** Ends when more can be taken. The bytes are the sink's from then on. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  /** Gives up what was written. */
  abort(): Promise<void>;
}

/** Bytes as the characters of their numbers, as names in files are written. */
export const text = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, to));

export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
