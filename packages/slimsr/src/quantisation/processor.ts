import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Whether this machine's processor adds products of bytes up in 32 bits: with VNNI on x86, with dot products on ARM. Without it engines
 * add pairs of them in 16 bits, where 255 · 127 · 2 doesn't fit, and what doesn't fit is cut off without a word.
 * @returns undefined where the system doesn't tell
 */
export function hasByteProducts(): boolean | undefined {
  // The engine's kernels for ARM add up in 32 bits on all of them.
  if (process.arch === "arm64") return true;
  try {
    if (process.platform === "linux") return /\b(?:avx512_vnni|avx_vnni)\b/.test(readFileSync("/proc/cpuinfo", "utf8"));
    if (process.platform === "darwin") {
      const features = execFileSync("sysctl", ["-n", "machdep.cpu.leaf7_features"], { encoding: "utf8" });
      return /\bAVX512VNNI\b/i.test(features);
    }
  } catch {
    return undefined;
  }
  return undefined;
}

/** "; its processor likely …", behind what integers were computed wrong, where that may be so. */
export const likelyCause = (advice: string): string =>
  hasByteProducts() ? "" : `; its processor likely adds products up in 16 bits: ${advice}`;

/** Processors that a file of integers is for: those with VNNI, or any. */
export const TARGETS = ["vnni", "any"] as const;
export type Target = (typeof TARGETS)[number];

/** Bits of weights: the products of two bytes and 7-bit weights fit 16 bits. */
export const BITS = { vnni: 8, any: 7 } as const satisfies Record<Target, number>;

/** Bits of weights for a target: this machine's processor where none is given. */
export const bitsFor = (target?: Target): number => BITS[target ?? (hasByteProducts() ? "vnni" : "any")];

/** From so many bits of weights on, a network that is trained with them computes with integers throughout, its activations bytes. */
export const FINE_BITS = BITS.any;
