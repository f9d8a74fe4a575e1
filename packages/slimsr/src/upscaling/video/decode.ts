import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { VideoError } from "@slimsr/core/internal/errors.js";
import type { Pixels } from "@slimsr/upscaler/internal/images/pixels.js";
import { conversionOf, SCALER_FLAGS } from "./colours.js";
import type { Video } from "./probe.js";
import { ended, type Ffmpeg, fileArgument, start } from "./tools.js";

/** A picture of a video. */
export interface Frame {
  readonly pixels: Pixels;
  /** Nanoseconds after the file's beginning; undefined where the file doesn't say. */
  readonly time: number | undefined;
}

/**
 * A video's frames, upright, in RGB of `video.depth` bits, in the order in which they are shown. All are decoded from the first on,
 * whichever are wanted: not every file lets its decoder begin at just one frame.
 * @param skip frames that aren't wanted, from the first
 * @param onDamage told what the decoder complains of
 * @throws VideoError where the decoder fails; the signal's reason
 */
export async function* decodedFrames(
  video: Video,
  { passthrough }: Ffmpeg,
  skip: number,
  onDamage: (complaint: string) => void,
  signal?: AbortSignal,
): AsyncGenerator<Frame> {
  const { width, height, depth, path } = video;
  const { matrix, range } = conversionOf(video);
  const filters = [
    ...(skip > 0 ? [`select=gte(n\\,${skip})`] : []),
    "showinfo",
    `scale=${width}:${height}:in_color_matrix=${matrix}:in_range=${range}:${SCALER_FLAGS}`,
  ];
  const child = start("ffmpeg", [
    ...["-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-copyts", "-i", fileArgument(path)],
    ...["-map", `0:${video.index}`, "-vf", filters.join(",")],
    ...passthrough,
    ...["-pix_fmt", depth === 16 ? "rgb48le" : "rgb24", "-f", "rawvideo", "pipe:1"],
  ]);
  const end = ended(child);
  end.catch(() => undefined);
  const kill = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  try {
    const report = new Report(child.stderr as Readable, video.start, onDamage);
    for await (const bytes of frames(child.stdout as Readable, (width * height * 3 * depth) / 8)) {
      signal?.throwIfAborted();
      const data = depth === 16 ? new Uint16Array(bytes.buffer) : bytes;
      yield { pixels: { width, height, channels: 3, data }, time: await report.nextTime() };
    }
    const status = await end;
    signal?.throwIfAborted();
    if (status !== 0) throw new VideoError(`${path}: ffmpeg can't decode it: ${report.lastComplaint}`);
  } finally {
    signal?.removeEventListener("abort", kill);
    kill();
  }
}

/** A stream's bytes, so many at a time, each in a buffer of its own. What is left at the end is no frame. */
async function* frames(stream: AsyncIterable<Buffer>, length: number): AsyncGenerator<Uint8Array> {
  let frame = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of stream) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(length - filled, chunk.length - at);
      frame.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled < length) continue;
      yield frame;
      frame = new Uint8Array(length);
      filled = 0;
    }
  }
}

/** What ffmpeg says while it decodes: each frame's time, and what is wrong with the file. */
class Report {
  lastComplaint = "it gives no reason";
  readonly #times: (number | undefined)[] = [];
  #waiting: ((time: number | undefined) => void) | undefined;
  #isClosed = false;
  /** Nanoseconds of a tick. */
  #tick = 0;

  constructor(
    stream: Readable,
    private readonly start: number,
    private readonly onDamage: (complaint: string) => void,
  ) {
    const lines = createInterface({ input: stream });
    lines.on("line", (line) => this.#read(line));
    lines.on("close", () => {
      this.#isClosed = true;
      this.#waiting?.(undefined);
    });
  }

  /** The next frame's. */
  nextTime(): Promise<number | undefined> {
    if (this.#times.length > 0 || this.#isClosed) return Promise.resolve(this.#times.shift());
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #read(line: string): void {
    const [, numerator, denominator] = /showinfo.*config in time_base: (\d+)\/(\d+)/.exec(line) ?? [];
    if (numerator !== undefined) this.#tick = (1e9 * Number(numerator)) / Number(denominator);
    const [, ticks] = /showinfo.* n: *\d+ pts: *(-?\d+|NOPTS)/.exec(line) ?? [];
    if (ticks !== undefined) {
      this.#tell(ticks === "NOPTS" ? undefined : Math.round(Number(ticks) * this.#tick - this.start * 1e9));
    }
    const [, complaint] = /\[(?:error|fatal|panic)\] (.*)/.exec(line) ?? [];
    if (complaint === undefined) return;
    this.lastComplaint = complaint;
    this.onDamage(complaint);
  }

  #tell(time: number | undefined): void {
    if (!this.#waiting) {
      this.#times.push(time);
      return;
    }
    this.#waiting(time);
    this.#waiting = undefined;
  }
}
