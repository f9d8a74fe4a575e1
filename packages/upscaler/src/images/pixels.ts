/**
 * Pixels side by side, their channels interleaved, rows from the top: grey, grey and alpha, RGB, or RGB and alpha (not
 * premultiplied). `height` · `width` · `channels` samples: 0..255, 0..65535, or floats from 0 to 1.
 */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** Bits of a sample, or floats from 0 to 1. */
export type Depth = 8 | 16 | "float";

/** Where bands of an image come from, wherever it lies: in memory, in a file on the disk. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  readonly channels: Pixels["channels"];
  readonly depth: Depth;
  /** Rows `top` to `top + rows` − 1. Any band is given; those that come in order, overlapping a little with the last, are given fast. */
  read(top: number, rows: number): Promise<Pixels>;
  /** Frees what the source holds. */
  close?(): Promise<void>;
}

/** Where an image's rows go, from the top. */
export interface PixelSink {
  /** Takes the next rows; ends when more can be taken. */
  write(rows: Pixels): Promise<void>;
  /** Ends the image, of which all rows must have been written. */
  end(): Promise<void>;
  /** Gives the image up; nothing of it remains. */
  abort(): Promise<void>;
}
