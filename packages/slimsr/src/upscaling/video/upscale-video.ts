import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { VideoError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import type { Pixels } from "@slimsr/upscaler/internal/images/pixels.js";
import { type OutputSize, planSize } from "@slimsr/upscaler/internal/upscaling/output-size.js";
import { decodedFrames, type Frame } from "./decode.js";
import { type Compression, PartEncoder } from "./encode.js";
import { joinParts, tryOutput, usualCodec } from "./join.js";
import { PartsFolder } from "./parts.js";
import { probe, type Video } from "./probe.js";
import { type Ffmpeg, findFfmpeg } from "./tools.js";

/** What makes frames larger. */
export interface FrameUpscaler {
  readonly scale: number;
  upscale(frame: Pixels, options: FrameOptions): Promise<Pixels>;
}

interface FrameOptions extends OutputSize {
  readonly quality?: number | undefined;
  readonly selfEnsemble?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told what in the result isn't as in the source, or as the network makes it. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface VideoOptions extends FrameOptions, Partial<Compression> {
  /** Told of frames that are done, and of all as far as the file says. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface UpscaledVideo extends Size {
  readonly frames: number;
}

/** Encoders of H.264 call what can't be told from the original 16 to 18. */
const CRF = 16;
/** Seconds of a part: what is lost where the process is killed. */
const PART_SECONDS = 4;
/** Complaints of a decoder that are passed on. */
const MOST_COMPLAINTS = 3;

/**
 * Enlarges a video, frame by frame; sound and subtitles are copied. It is made in parts, in OUT.parts, so that a process that is
 * killed is gone on from its last whole part, and put in its place when it is complete.
 * @throws VideoError where ffmpeg isn't there or fails; the signal's reason
 */
export async function upscaleVideo(
  upscaler: FrameUpscaler,
  input: string,
  output: string,
  options: VideoOptions,
): Promise<UpscaledVideo> {
  const { signal, onNote, onProgress, crf = CRF, codec = usualCodec(output), ...frameOptions } = options;
  const ffmpeg = await findFfmpeg();
  const video = await probe(input, signal);
  const { size } = planSize(video, upscaler.scale, options);
  const even = { width: size.width - (size.width % 2), height: size.height - (size.height % 2) };
  if (even.width === 0 || even.height === 0) {
    throw new VideoError(`${output}: a video of ${size.width}×${size.height} can't be encoded; make it larger`);
  }
  const compression = { codec, crf };
  const origin = {
    input: await digestOf(input),
    model: await fingerprint(upscaler, frameOptions),
    size,
    ...compression,
    ffmpeg: ffmpeg.version,
  };
  const folder = await PartsFolder.open(output, origin, (what) =>
    onNote?.(`parts that were there are of another ${what}; they are made anew`),
  );
  try {
    await tryOutput(video, output, compression, folder);
    const complaints = await makeParts(upscaler, video, ffmpeg, compression, folder, {
      ...frameOptions,
      ...{ signal, onProgress, onNote },
    });
    for (const note of notesOn(video, size, even, complaints)) onNote?.(note);
    const joined = await joinParts(video, output, folder, signal);
    signal?.throwIfAborted();
    await rename(joined, output);
  } catch (error) {
    await (folder.parts.length === 0 ? folder.remove() : folder.close());
    throw error;
  }
  await folder.remove();
  return { ...even, frames: folder.parts.reduce((sum, { frames }) => sum + frames, 0) };
}

/** Makes the parts that aren't there. @returns what the decoder complains of */
async function makeParts(
  upscaler: FrameUpscaler,
  video: Video,
  ffmpeg: Ffmpeg,
  compression: Compression,
  folder: PartsFolder,
  { onProgress, signal, ...options }: Pick<VideoOptions, "onProgress"> & FrameOptions,
): Promise<readonly string[]> {
  const { rate, frames: expected } = video;
  const nominal = (1e9 * rate.denominator) / rate.numerator;
  const length = Math.max(1, Math.round((PART_SECONDS * rate.numerator) / rate.denominator));
  let done = folder.parts.reduce((sum, { frames }) => sum + frames, 0);
  let next = folder.parts.at(-1)?.end ?? 0;
  const complaints: string[] = [];
  const tell = () => onProgress?.(done, Math.max(done, expected));
  tell();

  let encoder: PartEncoder | undefined;
  let part = { frames: 0, start: 0, end: 0 };
  const finish = async () => {
    await encoder?.end();
    encoder = undefined;
    await folder.add(part);
  };
  const origin = () => folder.parts[0]?.start ?? part.start;
  try {
    const decoded = decodedFrames(video, ffmpeg, done, (complaint) => complaints.push(complaint), signal);
    for await (const { pixels, time = next } of ahead(decoded)) {
      const larger = await upscaler.upscale(pixels, { ...options, signal });
      // Each is shown after the one before, whatever a damaged file says.
      const shown = part.frames > 0 || done > 0 ? Math.max(time, next - nominal + 1) : time;
      if (!encoder) {
        // An encoder that outlived a killed process may be at the file that has this name.
        await rm(folder.nextFile(), { force: true });
        encoder = new PartEncoder(folder.nextFile(), video, ffmpeg, compression);
        part = { frames: 0, start: shown, end: shown };
      }
      await encoder.write(larger, shown - origin());
      next = Math.round(shown + nominal);
      part = { ...part, frames: part.frames + 1, end: next };
      done++;
      if (part.frames === length) await finish();
      tell();
    }
    if (encoder) await finish();
  } catch (error) {
    (encoder as PartEncoder | undefined)?.abort();
    throw error;
  }
  if (done === 0) throw new VideoError(`${video.path}: there is no frame in it that can be decoded`);
  return complaints;
}

/** Has the next frame decoded while one is worked on. */
async function* ahead(frames: AsyncGenerator<Frame>): AsyncGenerator<Frame> {
  let coming = frames.next();
  try {
    for (;;) {
      const { done, value } = await coming;
      if (done) return;
      coming = frames.next();
      coming.catch(() => undefined);
      yield value;
    }
  } finally {
    await frames.return(undefined).catch(() => undefined);
  }
}

function notesOn(video: Video, size: Size, even: Size, complaints: readonly string[]): string[] {
  const { isInterlaced, hasAlpha } = video;
  const more = complaints.length - MOST_COMPLAINTS;
  return [
    ...(isInterlaced ? ["the video is interlaced: its fields were enlarged as they lie in each other"] : []),
    ...(hasAlpha ? ["the video's transparency is left out"] : []),
    ...(size.width !== even.width || size.height !== even.height
      ? [`a row or column is left out: ${size.width}×${size.height} isn't even`]
      : []),
    ...complaints.slice(0, MOST_COMPLAINTS).map((complaint) => `ffmpeg says of the video: ${complaint}`),
    ...(more > 0 ? [`ffmpeg says ${more} more things of the video, which is damaged`] : []),
  ];
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

const SIDE = 32;

/** Tells networks, their quality and device apart, wherever they came from: by what they make of an image. */
async function fingerprint(upscaler: FrameUpscaler, options: FrameOptions): Promise<string> {
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 2_654_435_761) >>> 24);
  const image: Pixels = { width: SIDE, height: SIDE, channels: 3, data };
  const { quality, selfEnsemble, signal } = options;
  const larger = await upscaler.upscale(image, { quality, selfEnsemble, signal });
  return createHash("sha256")
    .update(larger.data as Uint8Array)
    .digest("hex");
}
