import { visible } from "../text/visible.js";

type Stream = NodeJS.WriteStream;

const originals = new Map<Stream, Stream["write"]>();

/**
 * Lets all text through a stream only as `visible` has it, whoever writes it: names of files, layers and settings are other
 * people's, and a terminal would do what they say.
 */
export function guard(stream: Stream): void {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  originals.set(stream, stream.write);
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === "string" ? visible(chunk) : chunk, ...rest);
}

/** Standard error for what moves its cursor, as progress bars do; others' text in them is made visible before. */
export const unguarded: Stream = Object.create(process.stderr, {
  write: {
    value: (...words: Parameters<Stream["write"]>) =>
      (originals.get(process.stderr) ?? process.stderr.write).apply(process.stderr, words),
  },
});

/** What all bars have in common: off a terminal they are plain lines. */
export const BAR = { stream: unguarded, noTTYOutput: true, hideCursor: true, gracefulExit: false } as const;
