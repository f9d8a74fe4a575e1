/** A JPEG's segments before its first scan (ITU-T T.81, B.1.1): marker, length, data. */

export interface JpegSegment {
  /** Its marker's second byte: 0xe1 is APP1. */
  readonly marker: number;
  /** Fewer bytes than it has where the file ends within it. */
  readonly data: Uint8Array;
}

const [PREFIX, SOS, DHT, JPG, DAC] = [0xff, 0xda, 0xc4, 0xc8, 0xcc];

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** Whether a segment is a frame's header, which has its size. */
export const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && ![DHT, JPG, DAC].includes(marker);

export function* jpegSegments(bytes: Uint8Array): Generator<JpegSegment> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1] as number;
    if (bytes[at] !== PREFIX || marker === SOS) return;
    // Any number of fill bytes may stand before a marker.
    if (marker === PREFIX) {
      at++;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    yield { marker, data: bytes.subarray(at + 4, end) };
    at = end;
  }
}
