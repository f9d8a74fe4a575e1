import type { EngineBuild } from "@slimsr/upscaler/internal/web/session.js";
import type { Device, EnlargedTile, UpscaleOptions, UpscalingWork } from "@slimsr/upscaler/web";

export type DeviceChoice = Device | "auto";

/** An image's file. The worker decodes it again where it has begun anew since. */
export interface ImageFile {
  readonly key: string;
  readonly blob: Blob;
}

/** A model: the name of one that ships, or a file of the visitor's. */
export interface ModelFile {
  readonly key: string;
  readonly source: string | Blob;
  readonly name: string;
}

/** What computes: a model on a device. */
export interface Network {
  readonly model: ModelFile;
  readonly device: DeviceChoice;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rectangle extends Size {
  readonly x: number;
  readonly y: number;
}

/** Parameters, and multiply-accumulates for a 1280×720 output; null where the graph has operators that aren't known. */
export type Cost = { readonly parameters: number; readonly macs: number } | null;

export interface ModelInfo {
  readonly scale: number;
  /** From the best. */
  readonly qualities: readonly number[];
  readonly costs: readonly Cost[];
}

/** Where a network really runs. */
export interface Engine {
  readonly device: Device;
  readonly build: EngineBuild;
  /** Of the processor. */
  readonly threads: number;
  /** Why it isn't the device that was asked for, or that there is. */
  readonly fallback?: string;
}

export interface OpenedImage extends Size {
  /** What its colours are, as chunks of a PNG, where they look different from sRGB's. */
  readonly shownBy: Uint8Array | undefined;
  /** What of the file isn't kept. */
  readonly note: string | undefined;
  /** The image, reduced where it is large. */
  readonly overview: ImageBitmap;
}

/** A part of an enlarged image; its samples are kept where the browser keeps Blobs, on the disk if need be. */
export interface StoredTile extends Rectangle {
  readonly channels: EnlargedTile["pixels"]["channels"];
  readonly depth: 8 | 16;
  readonly samples: Blob;
}

/** What size a PNG is to have; the result's where nothing is said. */
export type OutputSize = Pick<UpscaleOptions, "size" | "longEdge">;

export interface Upscaled {
  /** Time of the engine. */
  readonly milliseconds: number;
  readonly engine: Engine;
  /** Where the result isn't just what the network makes of the image. */
  readonly notes: readonly string[];
}

/** What can be shown of an image: its pixels, their enlargement by bicubic interpolation, or the network's. */
export type PartRequest =
  | { readonly of: "original"; readonly image: ImageFile; readonly part: Rectangle }
  | { readonly of: "bicubic"; readonly image: ImageFile; readonly part: Rectangle; readonly scale: number }
  | {
      readonly of: "result";
      readonly tiles: readonly StoredTile[];
      readonly part: Rectangle;
      readonly shownBy: Uint8Array | undefined;
    };

export interface Measurement {
  readonly quality: number | undefined;
  readonly precision: "fp32" | "INT8" | "bicubic";
  readonly device: Device;
  /** Median, of the measured image. */
  readonly milliseconds: number;
  /** Megapixels of the output a second. */
  readonly rate: number;
  readonly cost: Cost;
}

interface Call<Request, Result, Event = never> {
  readonly request: Request;
  readonly event: Event;
  readonly result: Result;
}

/** What the worker does, by name: what it is given, tells on the way and answers. */
export interface Calls {
  open: Call<{ readonly image: ImageFile }, OpenedImage>;
  /** Reads a model and starts it. `at`: size of the images to come */
  load: Call<
    { readonly network: Network; readonly quality: number | undefined; readonly at: Size },
    { readonly info: ModelInfo; readonly engine: Engine }
  >;
  upscale: Call<
    { readonly network: Network; readonly quality: number; readonly image: ImageFile },
    Upscaled,
    { readonly tile: StoredTile; readonly bitmap: ImageBitmap; readonly done: number; readonly total: number }
  >;
  part: Call<PartRequest, ImageBitmap>;
  /** What a PNG of a size takes that was not computed yet. */
  work: Call<
    { readonly network: Network; readonly quality: number; readonly image: Size; readonly output: OutputSize },
    UpscalingWork
  >;
  /** `tiles`: what the network made of `image`, `scale` times as large; larger PNGs are computed anew */
  png: Call<
    {
      readonly network: Network;
      readonly quality: number;
      readonly file: ImageFile;
      readonly image: Size;
      readonly scale: number;
      readonly tiles: readonly StoredTile[];
      readonly output: OutputSize;
    },
    Blob,
    /** How much is done. */
    { readonly share: number }
  >;
  measure: Call<{ readonly network: Network; readonly image: ImageFile }, null, Measurement>;
  frame: Call<
    { readonly network: Network; readonly quality: number; readonly frame: ImageBitmap },
    { readonly frame: ImageBitmap; readonly result: ImageBitmap; readonly engine: Engine }
  >;
}

export type CallName = keyof Calls;

/** What goes to the worker. */
export type ToWorker =
  | { readonly kind: "call"; readonly id: number; readonly name: CallName; readonly request: unknown }
  | { readonly kind: "cancel"; readonly id: number };

/** What comes from it. */
export type FromWorker =
  | { readonly kind: "event"; readonly id: number; readonly event: unknown }
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly name: string; readonly message: string };
