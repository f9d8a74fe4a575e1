import { VideoError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import * as z from "zod";
import { fromJson } from "../../files/json.js";
import { fileArgument, run } from "./tools.js";

/** A number over another, as ffmpeg writes times and proportions: "30000/1001". */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

/** What a video's colours are, in ffmpeg's names; undefined where the file doesn't say. */
export interface Colours {
  readonly matrix?: string | undefined;
  readonly primaries?: string | undefined;
  readonly transfer?: string | undefined;
  readonly range?: string | undefined;
}

/** The track of subtitles or sound in a file. */
export interface Track {
  readonly index: number;
  readonly kind: "audio" | "subtitle";
  readonly codec: string;
}

/** A file with moving pictures. */
export interface Video extends Size {
  readonly path: string;
  /** Of the pictures among the file's streams. */
  readonly index: number;
  /** Bits that frames are worked on with: 16 for those of more than 8. Width and height are those of upright frames. */
  readonly depth: 8 | 16;
  /** Frames a second, on average. */
  readonly rate: Ratio;
  /** Seconds of a tick, in which the file counts time. */
  readonly timeBase: Ratio;
  /** Shape of a pixel, where the file says that it isn't square. */
  readonly pixelAspect?: Ratio | undefined;
  readonly colours: Colours;
  /** Seconds at which the file begins: times count from there. */
  readonly start: number;
  /** Frames: as the file says, or an estimate. */
  readonly frames: number;
  readonly isInterlaced: boolean;
  readonly hasAlpha: boolean;
  readonly tracks: readonly Track[];
}

const streamSchema = z.object({
  index: z.number(),
  codec_type: z.string().optional(),
  codec_name: z.string().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
  pix_fmt: z.string().optional(),
  avg_frame_rate: z.string().optional(),
  r_frame_rate: z.string().optional(),
  time_base: z.string().optional(),
  sample_aspect_ratio: z.string().optional(),
  color_space: z.string().optional(),
  color_primaries: z.string().optional(),
  color_transfer: z.string().optional(),
  color_range: z.string().optional(),
  field_order: z.string().optional(),
  nb_frames: z.string().optional(),
  duration: z.string().optional(),
  disposition: z.object({ attached_pic: z.number().optional() }).optional(),
  tags: z.object({ rotate: z.string().optional() }).optional(),
  side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
});
const probeSchema = z.object({
  streams: z.array(streamSchema),
  format: z.object({ duration: z.string().optional(), start_time: z.string().optional() }).optional(),
});
type Stream = z.infer<typeof streamSchema>;

/** @throws VideoError where the file can't be read, or holds no moving pictures */
export async function probe(path: string, signal?: AbortSignal): Promise<Video> {
  const args = ["-v", "error", "-print_format", "json", "-show_streams", "-show_format", fileArgument(path)];
  const text = await run("ffprobe", args, signal).catch((error: unknown) => {
    if (!(error instanceof VideoError)) throw error;
    throw new VideoError(`${path}: no video that ffmpeg reads: ${error.message.replace(`file:${path}: `, "")}`);
  });
  const { streams, format } = probeSchema.parse(fromJson(text));
  const stream = streams.find((each) => each.codec_type === "video" && each.disposition?.attached_pic !== 1);
  if (!stream?.width || !stream.height) throw new VideoError(`${path}: there are no moving pictures in it`);
  const rate = ratioOf(stream.avg_frame_rate) ?? ratioOf(stream.r_frame_rate) ?? { numerator: 25, denominator: 1 };
  const seconds = Number(stream.duration ?? format?.duration ?? 0);
  const estimate = Math.round((seconds * rate.numerator) / rate.denominator);
  const size = { width: stream.width, height: stream.height };
  const aspect = ratioOf(stream.sample_aspect_ratio?.replace(":", "/"));
  const pixelFormat = stream.pix_fmt ?? "";
  const isTurned = Math.abs(rotationOf(stream)) % 180 === 90;
  return {
    path,
    index: stream.index,
    width: isTurned ? size.height : size.width,
    height: isTurned ? size.width : size.height,
    // "yuv420p10le", "p010le", "gbrp12le", "rgb48le"
    depth: /(p|gray|x2rgb|x2bgr)(9|1[0246])|p01[0-6]|48|64/.test(pixelFormat) ? 16 : 8,
    rate,
    timeBase: ratioOf(stream.time_base) ?? { numerator: 1, denominator: 90_000 },
    ...(aspect &&
      aspect.numerator !== aspect.denominator && {
        pixelAspect: isTurned ? { numerator: aspect.denominator, denominator: aspect.numerator } : aspect,
      }),
    colours: {
      matrix: told(stream.color_space),
      primaries: told(stream.color_primaries),
      transfer: told(stream.color_transfer),
      range: told(stream.color_range),
    },
    start: Number(format?.start_time ?? 0) || 0,
    frames: Math.max(1, Number(stream.nb_frames) || estimate),
    isInterlaced: ["tt", "bb", "tb", "bt"].includes(stream.field_order ?? ""),
    hasAlpha: /^(yuva|rgba|bgra|argb|abgr|gbrap|ya)/.test(pixelFormat),
    tracks: streams.flatMap(({ index, codec_type: kind, codec_name: codec = "" }) =>
      kind === "audio" || kind === "subtitle" ? [{ index, kind, codec }] : [],
    ),
  };
}

/** Undefined for "0/0" and what isn't said. */
function ratioOf(text: string | undefined): Ratio | undefined {
  const [numerator, denominator] = (text ?? "").split("/").map(Number);
  return numerator && denominator ? { numerator, denominator } : undefined;
}

const told = (value: string | undefined): string | undefined =>
  value === undefined || ["unknown", "unspecified", "reserved"].includes(value) ? undefined : value;

/** Degrees. */
function rotationOf({ side_data_list: data = [], tags }: Stream): number {
  return data.find(({ rotation }) => rotation !== undefined)?.rotation ?? Number(tags?.rotate ?? 0);
}
