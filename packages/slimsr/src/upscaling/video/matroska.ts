import type { Size } from "@slimsr/core/internal/images/geometry.js";

/**
 * Raw frames with their times in nanoseconds, as a Matroska stream: what ffmpeg takes from a pipe otherwise has frames without times.
 * https://www.rfc-editor.org/rfc/rfc9559
 */

const ID = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  codecId: 0x86,
  defaultDuration: 0x23e383,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  uncompressedFourCc: 0x2eb524,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
} as const;

const TRACK = 1;
const VIDEO = 1;
const UNKNOWN_SIZE = Buffer.from("01ffffffffffffff", "hex");
/** Track's number as a variable-length integer, a time of 0 after the cluster's, and the mark of a keyframe. */
const BLOCK_HEADER = Buffer.from([0x80 | TRACK, 0, 0, 0x80]);

/** What the stream begins with. @param bits of a sample of RGB, 16 in little-endian order @param frameDuration nanoseconds */
export function streamHeader({ width, height }: Size, bits: 8 | 16, frameDuration: number): Buffer {
  const fourCc = Buffer.from([...Buffer.from("RGB"), 3 * bits]);
  return Buffer.concat([
    element(ID.ebml, [
      element(ID.docType, Buffer.from("matroska")),
      element(ID.docTypeVersion, integer(4)),
      element(ID.docTypeReadVersion, integer(2)),
    ]),
    idBytes(ID.segment),
    UNKNOWN_SIZE,
    element(ID.info, [
      element(ID.timestampScale, integer(1)),
      element(ID.muxingApp, Buffer.from("SlimSR")),
      element(ID.writingApp, Buffer.from("SlimSR")),
    ]),
    element(ID.tracks, [
      element(ID.trackEntry, [
        element(ID.trackNumber, integer(TRACK)),
        element(ID.trackUid, integer(TRACK)),
        element(ID.trackType, integer(VIDEO)),
        element(ID.codecId, Buffer.from("V_UNCOMPRESSED")),
        element(ID.defaultDuration, integer(frameDuration)),
        element(ID.video, [
          element(ID.pixelWidth, integer(width)),
          element(ID.pixelHeight, integer(height)),
          element(ID.uncompressedFourCc, fourCc),
        ]),
      ]),
    ]),
  ]);
}

/** What comes before a frame of so many bytes. @param nanoseconds its time, from 0 */
export function frameHeader(nanoseconds: number, bytes: number): Buffer {
  const time = element(ID.timestamp, integer(nanoseconds));
  const block = Buffer.concat([idBytes(ID.simpleBlock), size(BLOCK_HEADER.length + bytes), BLOCK_HEADER]);
  return Buffer.concat([idBytes(ID.cluster), size(time.length + block.length + bytes), time, block]);
}

function element(id: number, content: Buffer | readonly Buffer[]): Buffer {
  const body = Buffer.isBuffer(content) ? content : Buffer.concat(content);
  return Buffer.concat([idBytes(id), size(body.length), body]);
}

/** An identifier has its length in its first bits already. */
function idBytes(id: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

/** A size in eight bytes, of which the first says that. */
function size(value: number): Buffer {
  const bytes = integer(value);
  bytes[0] = 1;
  return bytes;
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
