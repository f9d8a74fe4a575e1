import { DEFAULT_MODEL, SHIPPED_MODELS } from "@slimsr/upscaler/internal/loading/shipped-models.js";
import type { UpscalingWork } from "@slimsr/upscaler/web";
import type {
  DeviceChoice,
  Engine,
  ImageFile,
  Measurement,
  ModelFile,
  ModelInfo,
  OutputSize,
  Size,
} from "../messages/calls.js";

export interface ShownImage extends Size {
  readonly name: string;
  readonly file: ImageFile;
  /** What its colours are, as chunks of a PNG, where they look different from sRGB's. */
  readonly shownBy: Uint8Array | undefined;
  /** What of the file isn't kept. */
  readonly note: string | undefined;
}

/** What a quality took for the image that is shown. */
export interface Figures {
  readonly milliseconds: number;
  /** Megapixels of the output a second. */
  readonly rate: number;
  /** Milliseconds until all of it was there. */
  readonly elapsed: number;
}

export type Work =
  | { readonly kind: "none" }
  | { readonly kind: "opening" }
  | { readonly kind: "starting" }
  | { readonly kind: "upscaling"; readonly done: number; readonly total: number }
  | { readonly kind: "saving"; readonly share: number }
  | { readonly kind: "measuring" };

export interface Message {
  readonly kind: "note" | "error";
  readonly text: string;
}

export interface Live {
  readonly source: "camera" | "video";
  /** Frames a second, once there are some. */
  readonly rate: number | undefined;
  readonly quality: number;
  /** Of what goes in. */
  readonly size: Size | undefined;
}

/** What the left side of the slider shows. */
export type Left = "original" | "bicubic";

export interface State {
  readonly image: ShownImage | undefined;
  readonly model: ModelFile;
  readonly models: readonly ModelFile[];
  readonly info: ModelInfo;
  readonly device: DeviceChoice;
  /** What ran last. */
  readonly engine: Engine | undefined;
  readonly quality: number;
  readonly figures: ReadonlyMap<number, Figures>;
  /** Whether all of the image at this quality is there to be saved. */
  readonly isWhole: boolean;
  /** Of the PNG. */
  readonly output: OutputSize;
  /** What a PNG takes that is larger than the result, or why there can't be one. */
  readonly outputWork: UpscalingWork | string | undefined;
  readonly left: Left;
  readonly work: Work;
  readonly message: Message | undefined;
  readonly live: Live | undefined;
  readonly measurements: readonly Measurement[];
}

/** What the photograph that comes with the page is called. */
export const SAMPLE = "Sample photograph";

export const shippedModel = (name: string): ModelFile => ({ key: name, source: name, name });

const shipped = SHIPPED_MODELS.find(({ name }) => name === DEFAULT_MODEL) as (typeof SHIPPED_MODELS)[number];

export const INITIAL: State = {
  image: undefined,
  model: shippedModel(DEFAULT_MODEL),
  models: SHIPPED_MODELS.map(({ name }) => shippedModel(name)),
  info: { scale: shipped.scale, qualities: shipped.qualities, costs: shipped.qualities.map(() => null) },
  device: "auto",
  engine: undefined,
  quality: 0.5,
  figures: new Map(),
  isWhole: false,
  output: {},
  outputWork: undefined,
  left: "original",
  work: { kind: "none" },
  message: undefined,
  live: undefined,
  measurements: [],
};
