import type { Video } from "./probe.js";

/** ffmpeg's scale filter has other names for some matrices than its files' descriptions. */
const SCALERS: Readonly<Record<string, string>> = {
  bt709: "bt709",
  fcc: "fcc",
  bt470bg: "bt470",
  smpte170m: "smpte170m",
  smpte240m: "smpte240m",
  bt2020nc: "bt2020",
  bt2020c: "bt2020",
};
/** Pictures of more lines than PAL's are taken for high definition by players, where the file doesn't say its matrix. */
const STANDARD_DEFINITION = 576;

/** How a video's YUV becomes RGB and comes back. */
export interface Conversion {
  /** Of what comes in, for ffmpeg's scale filter. */
  readonly matrix: string;
  /** Options of the encoder, which the file then says. */
  readonly tags: readonly string[];
  /** "tv" or "pc". */
  readonly range: string;
}

/**
 * What a file doesn't say of its colours is taken as players take it by the size of the pictures, and is said from then on: larger
 * pictures would be taken otherwise.
 */
export function conversionOf({ colours, height }: Pick<Video, "colours" | "height">): Conversion {
  const usual = height > STANDARD_DEFINITION ? "bt709" : "smpte170m";
  const matrix = colours.matrix !== undefined && colours.matrix in SCALERS ? colours.matrix : usual;
  const range = colours.range ?? "tv";
  const { primaries, transfer } = colours;
  return {
    matrix: SCALERS[matrix] as string,
    range,
    tags: [
      ...["-colorspace", matrix, "-color_range", range],
      ...(primaries === undefined ? [] : ["-color_primaries", primaries]),
      ...(transfer === undefined ? [] : ["-color_trc", transfer]),
    ],
  };
}

/** Rounding right and chroma at full resolution, where ffmpeg would be fast. */
export const SCALER_FLAGS = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp";
