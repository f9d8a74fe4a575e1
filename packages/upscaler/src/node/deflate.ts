import { promisify } from "node:util";
import { constants, deflateRaw } from "node:zlib";
import type { CreateDeflater } from "../images/deflate.js";

/**
 * Of upscaled photographs it makes files 4 % larger than zlib's own 6 does, in a third of the time.
 */
const LEVEL = 4;
/** What a match may refer to. */
const WINDOW = 2 ** 15;
/** As many as Node has threads for it. */
const MOST_AT_ONCE = 4;
/** Of a zlib stream with a window of 32 KiB. */
const HEADER = [0x78, 0x5e];
/** An empty block that says that it is the last. */
const LAST_BLOCK = [0x03, 0x00];

const deflate = promisify<Uint8Array, object, Buffer<ArrayBuffer>>(deflateRaw);

/**
 * By zlib, what is written at a time in one of several threads: each block ends at a byte and may refer to the block before it, so
 * that blocks one after another are one stream.
 */
export const createDeflaterOf =
  (level: number): CreateDeflater =>
  (out) => {
    const waiting: Promise<Uint8Array<ArrayBuffer>>[] = [];
    let before: Uint8Array | undefined;
    let checksum = 1;
    const next = async () => out((await waiting.shift()) as Uint8Array<ArrayBuffer>);
    return {
      async write(bytes) {
        if (!before) waiting.push(Promise.resolve(Uint8Array.from(HEADER)));
        const options = { level, finishFlush: constants.Z_SYNC_FLUSH, ...(before && { dictionary: before }) };
        const block = deflate(bytes, options);
        // It is awaited when its turn comes.
        block.catch(() => undefined);
        waiting.push(block);
        checksum = adler32(bytes, checksum);
        before = bytes.subarray(-WINDOW);
        while (waiting.length > MOST_AT_ONCE) await next();
      },
      async end() {
        while (waiting.length > 0) await next();
        const trailer = new Uint8Array(6);
        trailer.set(LAST_BLOCK);
        new DataView(trailer.buffer).setUint32(2, checksum);
        await out(trailer);
      },
    };
  };

export const nodeDeflater = createDeflaterOf(LEVEL);

/** RFC 1950's checksum: two sums modulo 65521, of which the larger can't exceed 2³² before 5552 bytes. */
function adler32(bytes: Uint8Array, checksum: number): number {
  let a = checksum & 0xffff;
  let b = checksum >>> 16;
  for (let from = 0; from < bytes.length; from += 5552) {
    const to = Math.min(bytes.length, from + 5552);
    for (let i = from; i < to; i++) {
      a += bytes[i] as number;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
