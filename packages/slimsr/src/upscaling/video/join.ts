import { rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { VideoError } from "@slimsr/core/internal/errors.js";
import { type Compression, compressionArguments } from "./encode.js";
import type { PartsFolder } from "./parts.js";
import type { Track, Video } from "./probe.js";
import { fileArgument, run } from "./tools.js";

/** What is known of a container of videos: its subtitles' own form, and what pictures are compressed by. */
interface Container {
  readonly codec: string;
  /** What subtitles of text are converted to where they come from another kind of container. */
  readonly text: string;
  readonly options?: readonly string[];
}

const MP4: Container = { codec: "libx264", text: "mov_text", options: ["-movflags", "+faststart"] };

/** Containers that are written, by names' endings. */
const CONTAINERS: Readonly<Record<string, Container>> = {
  mp4: MP4,
  m4v: MP4,
  mov: MP4,
  mkv: { codec: "libx264", text: "srt" },
  webm: { codec: "libvpx-vp9", text: "webvtt" },
};

/** Endings of videos that are written. */
export const VIDEO_ENDINGS = Object.keys(CONTAINERS);

const endingOf = (path: string): string => extname(path).slice(1).toLowerCase();

const containerOf = (path: string): Container => CONTAINERS[endingOf(path)] as Container;

/** What pictures are compressed by in a file of this name, where nothing else is said. */
export const usualCodec = (output: string): string => containerOf(output).codec;

/** Subtitles that are text, which every container has in its own form. */
const TEXT = new Set(["mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"]);

/** What comes from the source beside the pictures: sound as it is, subtitles in the container's form, titles and chapters. */
function companions({ tracks }: Pick<Video, "tracks">, output: string, input: number): string[] {
  const { text } = containerOf(output);
  const subtitles = tracks.filter(({ kind }) => kind === "subtitle");
  const isOwn = ({ codec }: Track) => endingOf(output) === "mkv" && codec !== "mov_text";
  return [
    ...tracks.flatMap(({ index }) => ["-map", `${input}:${index}`]),
    ...["-c:a", "copy"],
    ...subtitles.flatMap((track, i) => [`-c:s:${i}`, TEXT.has(track.codec) && !isOwn(track) ? text : "copy"]),
    ...["-map_metadata", String(input), "-map_chapters", String(input)],
  ];
}

/**
 * Makes a short file of the same kind, with the source's sound and subtitles, so that what can't be is known before any work.
 * @throws VideoError that says what ffmpeg minds
 */
export async function tryOutput(
  video: Video,
  output: string,
  compression: Compression,
  folder: PartsFolder,
): Promise<void> {
  const trial = join(folder.path, `trial.${endingOf(output)}`);
  const { options = [] } = containerOf(output);
  try {
    await run("ffmpeg", [
      ...["-hide_banner", "-nostdin", "-y", "-loglevel", "error"],
      ...["-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=0.2", "-t", "0.2", "-i", fileArgument(video.path)],
      ...["-map", "0:v:0", ...companions(video, output, 1), ...compressionArguments(compression, video.depth)],
      ...[...options, fileArgument(trial)],
    ]);
  } catch (error) {
    if (!(error instanceof VideoError)) throw error;
    throw new VideoError(
      `${output} can't be written with ${compression.codec} and what is in ${video.path} beside the pictures: ${error.message}; ` +
        "name another --codec, or a file that ends in .mkv, which holds most",
    );
  } finally {
    await rm(trial, { force: true });
  }
}

/**
 * Puts a video's parts together, without compressing them anew, with the source's sound, subtitles, titles and chapters.
 * @returns the file, in the parts' folder
 */
export async function joinParts(
  video: Video,
  output: string,
  folder: PartsFolder,
  signal?: AbortSignal,
): Promise<string> {
  const { parts } = folder;
  const first = parts[0]?.start ?? 0;
  // ffmpeg reads microseconds; each part's end is rounded, not its length, so that they don't drift apart.
  const microseconds = (time: number) => Math.round((time - first) / 1000);
  const lines = parts.map(({ file, start }, i) => {
    const end = parts[i + 1]?.start ?? parts[i]?.end ?? start;
    return `file '${file}'\nduration ${((microseconds(end) - microseconds(start)) / 1e6).toFixed(6)}\n`;
  });
  const list = join(folder.path, "list.txt");
  await writeFile(list, `ffconcat version 1.0\n${lines.join("")}`);
  const joined = join(folder.path, `joined.${endingOf(output)}`);
  const { options = [] } = containerOf(output);
  const { denominator } = video.timeBase;
  const args = [
    ...["-hide_banner", "-nostdin", "-y", "-loglevel", "error"],
    // Times of both are as their files have them, and count from the source's beginning.
    ...["-copyts", "-itsoffset", (first / 1e9).toFixed(9), "-f", "concat", "-safe", "0", "-i", fileArgument(list)],
    ...[
      "-itsoffset",
      (-video.start).toFixed(6),
      "-i",
      fileArgument(video.path),
      "-map",
      "0:v:0",
      "-c:v",
      "copy",
      ...companions(video, output, 1),
    ],
    ...(containerOf(output) === MP4 ? ["-video_track_timescale", String(denominator)] : []),
    ...[...options, fileArgument(joined)],
  ];
  await run("ffmpeg", args, signal).catch((error: unknown) => {
    if (!(error instanceof VideoError)) throw error;
    throw new VideoError(`${output}: ffmpeg can't put its parts together: ${error.message}`);
  });
  return joined;
}
