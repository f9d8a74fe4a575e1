import { ImageError } from "@slimsr/core/internal/errors.js";
import type Sharp from "sharp";

let loading: Promise<typeof Sharp> | undefined;

/**
 * sharp, which reads and writes files of images. It is loaded when first asked for.
 * @throws ImageError where it isn't installed or can't be loaded, naming what to do
 */
export function loadSharp(): Promise<typeof Sharp> {
  loading ??= load();
  return loading;
}

async function load(): Promise<typeof Sharp> {
  try {
    const { default: sharp } = await import("sharp");
    // Images are read once: libvips' cache of operations would only hold on to their pixels.
    sharp.cache(false);
    return sharp;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === "ERR_MODULE_NOT_FOUND" ? "it isn't installed" : `it can't be loaded: ${message.split("\n")[0]}`;
    throw new ImageError(`files of images are read and written by sharp, and ${reason}; npm install sharp`, {
      cause: error,
    });
  }
}

/** The last line that libvips and the libraries below it say of a failure, which tells most, but for error numbers such as " (2.100)". */
export function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  const lines = said.split("\n").map((line) => line.trim().replace(/:$/, ""));
  return lines.findLast((line) => line !== "" && !/^\([\d.]+\)$/.test(line)) ?? "unknown reason";
}

/** How libvips calls the colours of so many channels and bits: of grey, or of red, green and blue. */
export type Space = "b-w" | "grey16" | "srgb" | "rgb16";

export const spaceOf = (isGrey: boolean, depth: 8 | 16): Space =>
  isGrey ? (depth === 16 ? "grey16" : "b-w") : depth === 16 ? "rgb16" : "srgb";
