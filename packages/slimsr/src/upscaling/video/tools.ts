import { type ChildProcess, spawn } from "node:child_process";
import { VideoError } from "@slimsr/core/internal/errors.js";

/** What of ffmpeg there is on this machine. */
export interface Ffmpeg {
  /** As it calls itself: "5.1.9-0+deb12u1". */
  readonly version: string;
  /** Has an output's frames keep the times that they come with, none repeated or dropped. */
  readonly passthrough: readonly string[];
}

const ADVICE =
  "install it: apt-get install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS), winget install ffmpeg (Windows), or from https://ffmpeg.org/download.html";

/** @throws VideoError that says how to get them, where ffmpeg or ffprobe aren't there */
export async function findFfmpeg(): Promise<Ffmpeg> {
  await run("ffprobe", ["-version"]);
  const [, version = ""] = /^ffmpeg version (\S+)/.exec(await run("ffmpeg", ["-version"])) ?? [];
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  const isOld = major !== undefined && (Number(major) < 5 || (Number(major) === 5 && Number(minor) < 1));
  return { version, passthrough: [isOld ? "-vsync" : "-fps_mode", "passthrough"] };
}

/** A path as ffmpeg takes it, whatever it begins with or holds. */
export const fileArgument = (path: string): string => `file:${path}`;

/** A process of its own group: what Ctrl-C in a terminal means is for this program to say. */
export function start(program: "ffmpeg" | "ffprobe", args: readonly string[]): ChildProcess {
  return spawn(program, args, { detached: process.platform !== "win32", windowsHide: true });
}

/** How a process ended: its exit status, null where it was killed. @throws VideoError where it can't be started */
export function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (error: NodeJS.ErrnoException) => {
      const isAbsent = error.code === "ENOENT";
      const [program] = child.spawnargs;
      reject(
        new VideoError(
          isAbsent
            ? `videos go through ffmpeg, and ${program} isn't installed; ${ADVICE}`
            : `${program} can't be started: ${error.message}`,
          { cause: error },
        ),
      );
    });
  });
}

/**
 * What a program prints.
 * @throws VideoError of the last that it says where it fails; the signal's reason
 */
export async function run(
  program: "ffmpeg" | "ffprobe",
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  signal?.throwIfAborted();
  const child = start(program, args);
  const end = ended(child);
  const kill = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  try {
    child.stdin?.end();
    const [output, complaints] = await Promise.all([textOf(child.stdout), textOf(child.stderr), end]);
    signal?.throwIfAborted();
    if ((await end) !== 0) throw new VideoError(lastLine(complaints));
    return output;
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

/** The last line of a program's complaints, which tells most. */
export const lastLine = (complaints: string): string =>
  complaints
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .findLast((line) => line !== "" && !line.startsWith("Conversion failed")) ?? "it gives no reason";

async function textOf(stream: AsyncIterable<Buffer> | null): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream ?? []) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}
