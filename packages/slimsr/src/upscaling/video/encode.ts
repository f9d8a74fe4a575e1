import type { ChildProcess } from "node:child_process";
import { VideoError } from "@slimsr/core/internal/errors.js";
import { depthOf, type Pixels } from "@slimsr/upscaler/internal/images/pixels.js";
import { conversionOf, SCALER_FLAGS } from "./colours.js";
import { frameHeader, streamHeader } from "./matroska.js";
import type { Video } from "./probe.js";
import { ended, type Ffmpeg, fileArgument, lastLine, start } from "./tools.js";

/** How a video is compressed. */
export interface Compression {
  /** An encoder of ffmpeg's: "libx264". */
  readonly codec: string;
  /** The encoder's constant rate factor: less is better and larger. */
  readonly crf: number;
}

/** Options of the encoder itself. */
export const compressionArguments = ({ codec, crf }: Compression, depth: Video["depth"]): string[] => [
  ...["-c:v", codec, "-crf", String(crf), "-pix_fmt", depth === 16 ? "yuv420p10le" : "yuv420p"],
  // VP9 and AV1 take the factor for a bound on a rate otherwise.
  ...(/vpx|aom/.test(codec) ? ["-b:v", "0"] : []),
];

/** Compresses some frames of one video into a file. */
export class PartEncoder {
  readonly #child: ChildProcess;
  readonly #end: Promise<number | null>;
  readonly #path: string;
  #complaints = "";
  #isBegun = false;

  constructor(
    path: string,
    private readonly video: Video,
    { passthrough }: Ffmpeg,
    compression: Compression,
  ) {
    const { timeBase, pixelAspect } = video;
    const { matrix, range, tags } = conversionOf(video);
    const filters = [
      // What is encoded at half the colour's resolution has even sides.
      "crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0",
      `scale=out_color_matrix=${matrix}:out_range=${range}:${SCALER_FLAGS}`,
      ...(pixelAspect ? [`setsar=${pixelAspect.numerator}/${pixelAspect.denominator}`] : []),
    ];
    this.#path = path;
    this.#child = start("ffmpeg", [
      ...["-hide_banner", "-y", "-loglevel", "error"],
      // Frames are begun with as they come, not when some are known.
      ...["-fpsprobesize", "0", "-analyzeduration", "0", "-probesize", "32", "-f", "matroska", "-i", "pipe:0"],
      ...["-vf", filters.join(","), ...compressionArguments(compression, video.depth), ...tags],
      ...[...passthrough, "-enc_time_base", `${timeBase.numerator}/${timeBase.denominator}`],
      ...["-f", "nut", fileArgument(path)],
    ]);
    this.#end = ended(this.#child);
    this.#end.catch(() => undefined);
    this.#child.stderr?.on("data", (text: Buffer) => {
      this.#complaints += text.toString("utf8");
    });
    // That it doesn't take more is told when it has ended.
    this.#child.stdin?.on("error", () => undefined);
  }

  /** @param time nanoseconds from the video's first frame @throws VideoError where the encoder has failed */
  async write(pixels: Pixels, time: number): Promise<void> {
    const { rate } = this.video;
    if (!this.#isBegun) {
      const duration = Math.round((1e9 * rate.denominator) / rate.numerator);
      await this.#send(streamHeader(pixels, depthOf(pixels) === 16 ? 16 : 8, duration));
      this.#isBegun = true;
    }
    const { buffer, byteOffset, byteLength } = pixels.data;
    await this.#send(frameHeader(time, byteLength));
    await this.#send(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Ends the file. @throws VideoError where the encoder has failed */
  async end(): Promise<void> {
    this.#child.stdin?.end();
    if ((await this.#end) !== 0) throw this.#failure();
  }

  abort(): void {
    this.#child.kill("SIGKILL");
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    if (!stdin?.writable) {
      await this.#end;
      throw this.#failure();
    }
    if (stdin.write(bytes)) return;
    await Promise.race([new Promise<void>((resolve) => stdin.once("drain", resolve)), this.#end]);
  }

  #failure(): VideoError {
    return new VideoError(`${this.#path}: ffmpeg can't encode it: ${lastLine(this.#complaints)}`);
  }
}
