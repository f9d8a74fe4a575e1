import { open, readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ImageError } from "@slimsr/core/internal/errors.js";
import { concatenated } from "../images/bytes.js";
import { systemReason } from "./system-reason.js";

/** A file of an image: its path, its bytes, or what yields them. */
export type EncodedImage = string | URL | Uint8Array | Blob | AsyncIterable<Uint8Array>;

/** A file of an image, in memory or, where it is large, on the disk. */
export type EncodedInput = {
  /** What messages call it. */
  readonly name: string;
  /** Its first bytes. */
  readonly head: Uint8Array;
} & ({ readonly bytes: Uint8Array; readonly path?: never } | { readonly path: string; readonly bytes?: never });

/** Files of more bytes are read by their decoder. */
const MOST_IN_MEMORY = 2 ** 26;
const HEAD = 2 ** 16;

/** @throws ImageError where it can't be read or has more bytes than so many pixels can take */
export async function readInput(source: EncodedImage, maxPixels: number, name?: string): Promise<EncodedInput> {
  if (typeof source === "string" || source instanceof URL) return readPath(source, maxPixels, name);
  const called = name ?? "the image";
  const bytes = source instanceof Uint8Array ? source : await collected(source, maxPixels, called);
  return { name: called, head: bytes, bytes };
}

/** All bytes of a file. @throws ImageError where it can't be read */
export async function wholeInput(input: EncodedInput): Promise<Uint8Array> {
  return input.bytes ?? (await readFile(input.path).catch((error: unknown) => unreadable(input.name, error)));
}

async function readPath(source: string | URL, maxPixels: number, name?: string): Promise<EncodedInput> {
  if (source instanceof URL && source.protocol !== "file:") {
    throw new ImageError(
      `${name ?? source}: expected a path or a URL that begins with file:; fetch it and give its bytes`,
    );
  }
  const path = source instanceof URL ? fileURLToPath(source) : source;
  const called = name ?? path;
  try {
    const file = await stat(path);
    if (!file.isFile()) throw new ImageError(`${called}: not a file; expected an image`);
    requireFewer(file.size, maxPixels, called);
    // libvips takes what stands in brackets at a name's end for options.
    if (file.size > MOST_IN_MEMORY && !path.endsWith("]")) return { name: called, head: await headOf(path), path };
    const bytes = await readFile(path);
    return { name: called, head: bytes, bytes };
  } catch (error) {
    if (error instanceof ImageError) throw error;
    return unreadable(called, error);
  }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(HEAD), position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function collected(
  source: Blob | AsyncIterable<Uint8Array>,
  maxPixels: number,
  name: string,
): Promise<Uint8Array> {
  if (source instanceof Blob) {
    requireFewer(source.size, maxPixels, name);
    return new Uint8Array(await source.arrayBuffer());
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    parts.push(part);
    length += part.length;
    requireFewer(length, maxPixels, name);
  }
  return concatenated(parts);
}

function requireFewer(bytes: number, maxPixels: number, name: string): void {
  // No encoding of so many pixels, at 16 bits and four channels, is larger than this.
  const limit = maxPixels * 8 + 2 ** 24;
  if (bytes > limit) {
    throw new ImageError(`${name}: ${bytes} bytes are more than an image of ${maxPixels} pixels can take (${limit})`);
  }
}

function unreadable(name: string, error: unknown): never {
  throw new ImageError(`${name}: cannot be read: ${systemReason(error)}`, { cause: error });
}
