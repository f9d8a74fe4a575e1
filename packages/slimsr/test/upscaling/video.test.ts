import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { describeWith, FFMPEG } from "../../../../test/support/requirement.js";
import { Upscaler } from "../../../upscaler/src/node/upscaler.js";
import { upscaleVideo, type VideoOptions } from "../../src/upscaling/video/upscale-video.js";
import { smallTeacher, temporaryFolder } from "../cli/runs.js";

const execute = promisify(execFile);
const MAIN = join(ROOT, "packages/slimsr/bin/slimsr.js");

const SOUND = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"];
const picture = (options = "duration=2") => ["-f", "lavfi", "-i", `testsrc2=size=32x24:rate=25:${options}`];
const H264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"];

const ffmpeg = (...args: string[]) => execute("ffmpeg", ["-v", "error", "-y", ...args], { encoding: "buffer" });

/** What ffprobe, which isn't ours, says of a file. */
async function view(path: string) {
  const args = ["-v", "error", "-print_format", "json", "-show_streams", "-show_format", "-count_frames", path];
  const { streams, format } = JSON.parse((await execute("ffprobe", args)).stdout);
  const video = streams.find(({ codec_type }: { codec_type: string }) => codec_type === "video");
  return { streams, format, video };
}

/** Times of frames after the file's beginning, in seconds. */
async function timesOf(path: string): Promise<number[]> {
  const args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time", "-of", "csv=p=0", path];
  const { stdout } = await execute("ffprobe", args);
  const begin = Number((await view(path)).format.start_time);
  return stdout
    .split(/[\s,]+/)
    .filter((text) => text !== "")
    .map((text) => Number(text) - begin)
    .sort((a, b) => a - b);
}

/** Digest of a track's compressed packets, as they are. */
const digestOf = async (path: string, track: "v" | "a" | "s"): Promise<string> =>
  (await ffmpeg("-i", path, "-map", `0:${track}:0`, "-c", "copy", "-f", "md5", "-")).stdout.toString().trim();

/** All frames in RGB of 8 bits. */
const pixelsOf = async (path: string): Promise<Buffer> =>
  (
    await execute("ffmpeg", ["-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], {
      encoding: "buffer",
      maxBuffer: 2 ** 28,
    })
  ).stdout;

/** Of luma: colours have half the resolution. */
function meanDifference(some: Uint8Array, others: Uint8Array): number {
  const luma = (bytes: Uint8Array, at: number) =>
    0.299 * (bytes[at] as number) + 0.587 * (bytes[at + 1] as number) + 0.114 * (bytes[at + 2] as number);
  let sum = 0;
  for (let at = 0; at < some.length; at += 3) sum += Math.abs(luma(some, at) - luma(others, at));
  return (3 * sum) / some.length;
}

/** ffmpeg is started many times. */
const LONG = { timeout: 240_000 };

describeWith(FFMPEG, "videos", () => {
  let model = "";

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "slimsr-test-"));
    model = await smallTeacher(folder);
    return () => rm(folder, { recursive: true, force: true });
  });

  async function upscaler(source = model, quality?: number): Promise<Upscaler> {
    const loaded = await Upscaler.load(source, { threads: 1, quality });
    onTestFinished(() => loaded.dispose());
    return loaded;
  }

  const made = async (input: string, output: string, options: VideoOptions = {}) =>
    upscaleVideo(await upscaler(), input, output, options);

  it("keep frames, timing and sound", LONG, async () => {
    const work = await temporaryFolder();
    const [input, output] = [join(work, "in.mp4"), join(work, "out.mp4")];
    await ffmpeg(...picture(), ...SOUND, ...H264, "-metadata", "title=A test", input);
    const progress: number[][] = [];
    const result = await made(input, output, { onProgress: (...each) => progress.push(each) });
    expect(result).toEqual({ width: 64, height: 48, frames: 50 });
    expect([progress[0], progress.at(-1)]).toEqual([
      [0, 50],
      [50, 50],
    ]);
    const { video, format, streams } = await view(output);
    expect([video.width, video.height, video.nb_read_frames, video.codec_name]).toEqual([64, 48, "50", "h264"]);
    expect(streams).toHaveLength(2);
    expect(format.tags.title).toBe("A test");
    expect(Number(format.duration)).toBeCloseTo(Number((await view(input)).format.duration), 3);
    expect(await timesOf(output)).toEqual(await timesOf(input));
    expect(await digestOf(output, "a")).toBe(await digestOf(input, "a"));
    expect(existsSync(`${output}.parts`)).toBe(false);
  });

  it("show what the network makes of their frames", LONG, async () => {
    const work = await temporaryFolder();
    const [input, output] = [join(work, "in.mkv"), join(work, "out.mkv")];
    const photograph = [
      "-loop",
      "1",
      "-framerate",
      "25",
      "-t",
      "0.4",
      "-i",
      join(ROOT, "assets/calibration/kodak-03.webp"),
    ];
    const lossless = ["-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv420p"];
    await ffmpeg(...photograph, "-vf", "crop=64:48:8*n:4*n", ...lossless, input);
    const network = await upscaler("photo-x2", 0.25);
    await upscaleVideo(network, input, output, { crf: 4 });
    const [small, large] = await Promise.all([pixelsOf(input), pixelsOf(output)]);
    const [bytes, larger] = [64 * 48 * 3, 128 * 96 * 3];
    expect([small.length, large.length]).toEqual([10 * bytes, 10 * larger]);
    for (const frame of [0, 4, 9]) {
      const data = new Uint8Array(small.subarray(frame * bytes, (frame + 1) * bytes));
      const { data: expected } = await network.upscale({ width: 64, height: 48, channels: 3, data });
      const differenceTo = (other: number) =>
        meanDifference(large.subarray(other * larger, (other + 1) * larger), expected as Uint8Array);
      expect(differenceTo(frame)).toBeLessThan(1.5);
      expect(differenceTo((frame + 1) % 10)).toBeGreaterThan(5);
    }
  });

  it("keep a variable rate, a late beginning, subtitles, 10 bits, colours and a rotation", LONG, async () => {
    const work = await temporaryFolder();
    await writeFile(join(work, "s.srt"), "1\n00:00:00,500 --> 00:00:01,000\nhello\n");
    const uneven = ["-vf", "select=not(mod(n\\,7))+not(mod(n\\,3)),setpts=PTS+0.5/TB", "-vsync", "vfr"];
    const input = join(work, "uneven.mp4");
    await ffmpeg(...picture(), ...SOUND, "-i", join(work, "s.srt"), ...uneven, ...H264, "-c:s", "mov_text", input);
    await made(input, join(work, "uneven-large.mp4"));
    expect(await timesOf(join(work, "uneven-large.mp4"))).toEqual(await timesOf(input));
    expect(await digestOf(join(work, "uneven-large.mp4"), "s")).toBe(await digestOf(input, "s"));
    const other = join(work, "uneven-large.mkv");
    await made(input, other);
    (await timesOf(other)).forEach((time, i, all) => {
      if (i > 0) expect(time).toBeGreaterThan(all[i - 1] as number);
    });
    expect((await ffmpeg("-i", other, "-map", "0:s", "-f", "srt", "-")).stdout.toString()).toContain("hello");

    const wide = join(work, "wide.mkv");
    const tags = [
      "-colorspace",
      "bt2020nc",
      "-color_primaries",
      "bt2020",
      "-color_trc",
      "smpte2084",
      "-color_range",
      "tv",
    ];
    await ffmpeg(...picture("duration=0.4"), "-c:v", "libx264", "-pix_fmt", "yuv420p10le", ...tags, wide);
    await made(wide, join(work, "wide-large.mkv"));
    const { video } = await view(join(work, "wide-large.mkv"));
    expect([video.pix_fmt, video.color_space, video.color_primaries, video.color_transfer, video.color_range]).toEqual([
      ...["yuv420p10le", "bt2020nc", "bt2020", "smpte2084", "tv"],
    ]);
    expect(video.nb_read_frames).toBe("10");

    const turned = join(work, "turned.mp4");
    await ffmpeg(...picture("duration=0.4"), ...H264, join(work, "upright.mp4"));
    await ffmpeg("-i", join(work, "upright.mp4"), "-c", "copy", "-metadata:s:v:0", "rotate=90", turned);
    await made(turned, join(work, "turned-large.mp4"));
    const { video: upright } = await view(join(work, "turned-large.mp4"));
    expect([upright.width, upright.height, upright.side_data_list]).toEqual([48, 64, undefined]);
  });

  it("have the size that is asked for, even where a row must go for that, and say so", async () => {
    const work = await temporaryFolder();
    const input = join(work, "in.mp4");
    await ffmpeg(...picture("duration=0.2"), ...H264, input);
    const notes: string[] = [];
    const size = { width: 51, height: 40 };
    expect(await made(input, join(work, "out.mp4"), { size, onNote: (note) => notes.push(note) })).toMatchObject({
      ...{ width: 50, height: 40 },
    });
    expect(notes).toEqual(["a row or column is left out: 51×40 isn't even"]);
    expect((await view(join(work, "out.mp4"))).video).toMatchObject({ width: 50, height: 40 });
  });

  it("go on after SIGKILL from the last whole part, to the same video", LONG, async () => {
    const work = await temporaryFolder();
    const input = join(work, "in.mp4");
    await ffmpeg(...picture("duration=14"), ...SOUND, ...H264, input);
    const output = join(work, "out.mp4");
    const record = join(`${output}.parts`, "parts.json");
    const words = ["upscale", input, "-o", output, "--model", model, "--threads", "1", "--crf", "20"];
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: "ignore" });
    const isBegun = async () => JSON.parse(await readFile(record, "utf8").catch(() => '{"parts":[]}')).parts.length > 0;
    while (!(await isBegun()) && child.exitCode === null) await delay(5);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(existsSync(output)).toBe(false);
    const kept = JSON.parse(await readFile(record, "utf8")).parts.length * 100;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(350);

    // Others' parts aren't taken for ours, and are told of.
    const controller = new AbortController();
    const elsewhere = join(work, "elsewhere.mp4");
    const onProgress = (done: number) => {
      if (done === 101) controller.abort();
    };
    await expect(made(input, elsewhere, { crf: 21, signal: controller.signal, onProgress })).rejects.toThrow(/abort/i);
    expect(existsSync(elsewhere)).toBe(false);
    const notes: string[] = [];
    const first: number[] = [];
    await made(input, elsewhere, {
      crf: 20,
      onNote: (note) => notes.push(note),
      onProgress: (done) => first.push(done),
    });
    expect([notes, first[0]]).toEqual([["parts that were there are of another crf; they are made anew"], 0]);

    const done: number[] = [];
    expect(await made(input, output, { crf: 20, onProgress: (each) => done.push(each) })).toMatchObject({
      frames: 350,
    });
    expect(done[0]).toBe(kept);
    expect(await digestOf(output, "v")).toBe(await digestOf(elsewhere, "v"));
    expect(await timesOf(output)).toEqual(await timesOf(input));
    expect(await digestOf(output, "a")).toBe(await digestOf(input, "a"));
    expect(existsSync(`${output}.parts`)).toBe(false);
  });

  it("are refused before any work where the output can't hold what is in them, or they are none", async () => {
    const work = await temporaryFolder();
    const input = join(work, "in.mp4");
    await ffmpeg(...picture("duration=0.2"), ...SOUND, ...H264, input);
    await expect(made(input, join(work, "out.webm"))).rejects.toThrow(
      /out\.webm can't be written with libvpx-vp9.*\.mkv/s,
    );
    await expect(made(input, join(work, "out.mp4"), { codec: "none" })).rejects.toThrow(/can't be written with none/);
    await writeFile(join(work, "no.mp4"), "no video");
    await expect(made(join(work, "no.mp4"), join(work, "out.mp4"))).rejects.toThrow(
      /no\.mp4: no video that ffmpeg reads/,
    );
    await ffmpeg(...SOUND, join(work, "sound.mp4"));
    await expect(made(join(work, "sound.mp4"), join(work, "out.mp4"))).rejects.toThrow(/there are no moving pictures/);
    for (const name of ["out.mp4", "out.mp4.parts", "out.webm.parts"]) expect(existsSync(join(work, name))).toBe(false);
  });

  it("are made by one process at a time", async () => {
    const work = await temporaryFolder();
    const input = join(work, "in.mp4");
    await ffmpeg(...picture("duration=0.2"), ...H264, input);
    const output = join(work, "out.mp4");
    const both = await Promise.allSettled([made(input, output), made(input, output)]);
    const refused = both.filter((each) => each.status === "rejected").map(({ reason }) => String(reason));
    expect(refused).toEqual([expect.stringMatching(/out\.mp4 is being made by another process, in .*out\.mp4\.parts/)]);
    expect((await view(output)).video.nb_read_frames).toBe("5");
  });
});

describe("without ffmpeg", () => {
  it("a video is an error that says how to get it", async () => {
    const work = await temporaryFolder();
    await writeFile(join(work, "a.mp4"), "");
    const run = execute(process.execPath, [MAIN, "upscale", join(work, "a.mp4")], { env: { PATH: work } });
    const { code, stderr } = await run.then(
      () => ({ code: 0, stderr: "" }),
      (error: { code: number; stderr: string }) => error,
    );
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^slimsr: videos go through ffmpeg, and ffprobe isn't installed; install it: apt-get install ffmpeg/,
      ),
    ]);
  });
});
