import { concatenated } from "./bytes.js";

/** Makes one zlib stream (RFC 1950) of the bytes it is given, which are its own from then on. */
export interface Deflater {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends when all has gone to where it goes. */
  end(): Promise<void>;
}

export type CreateDeflater = (out: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>) => Deflater;

/** By the platform's CompressionStream, which every browser and Node have. */
export const platformDeflater: CreateDeflater = (out) => {
  const { readable, writable } = new CompressionStream("deflate");
  const writer = writable.getWriter();
  const pumped = pump(readable.getReader(), out);
  // A failure of what takes the bytes is a failure of the next write.
  pumped.catch((error: unknown) => writer.abort(error).catch(() => undefined));
  return {
    async write(bytes) {
      await writer.ready;
      await writer.write(bytes);
    },
    async end() {
      await writer.close();
      await pumped;
    },
  };
};

interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array<ArrayBuffer> | undefined }>;
}

async function pump(reader: Reader, out: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done || !value) return;
    await out(value);
  }
}

/** Bytes of a block that isn't compressed, at most (RFC 1951, section 3.2.4). */
const MOST_STORED = 2 ** 16 - 1;
/** Bytes whose sums stay below 2³², and the modulus of these (RFC 1950, section 8.2). */
const [SUMMED, MODULUS] = [5552, 65521];

/** A stream of the bytes as they are: a twentieth of the time, for what is read again at once. */
export const storedDeflater: CreateDeflater = (out) => {
  let [low, high] = [1, 0];
  let head = Uint8Array.of(0x78, 0x01);
  const sum = (bytes: Uint8Array): void => {
    for (let from = 0; from < bytes.length; from += SUMMED) {
      const end = Math.min(bytes.length, from + SUMMED);
      for (let i = from; i < end; i++) {
        low += bytes[i] as number;
        high += low;
      }
      low %= MODULUS;
      high %= MODULUS;
    }
  };
  const block = (bytes: Uint8Array, isLast: boolean): Uint8Array[] => {
    const { length } = bytes;
    const parts = [head, Uint8Array.of(isLast ? 1 : 0, length, length >> 8, ~length, ~length >> 8), bytes];
    head = new Uint8Array(0);
    return parts;
  };
  return {
    async write(bytes) {
      sum(bytes);
      const parts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += MOST_STORED) {
        parts.push(...block(bytes.subarray(at, at + MOST_STORED), false));
      }
      await out(concatenated(parts));
    },
    async end() {
      const checksum = Uint8Array.of(high >> 8, high, low >> 8, low);
      await out(concatenated([...block(new Uint8Array(0), true), checksum]));
    },
  };
};

/** The bytes as a zlib stream of their own. */
export async function deflated(bytes: Uint8Array, create: CreateDeflater): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const deflater = create(async (part) => void parts.push(part));
  await deflater.write(new Uint8Array(bytes));
  await deflater.end();
  return concatenated(parts);
}
