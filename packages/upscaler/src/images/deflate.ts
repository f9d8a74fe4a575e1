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

/** The bytes as a zlib stream of their own. */
export async function deflated(bytes: Uint8Array, create: CreateDeflater): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const deflater = create(async (part) => void parts.push(part));
  await deflater.write(new Uint8Array(bytes));
  await deflater.end();
  return concatenated(parts);
}
