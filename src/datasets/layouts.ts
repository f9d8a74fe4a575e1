import { join } from "node:path";

/** Where the benchmarks' layout has its files: FOLDER/HR and FOLDER/LR_bicubic/X2/namex2.png. */
export function benchmarkLayout(folder: string) {
  return {
    hr: join(folder, "HR"),
    lr: (name: string, scale: number) => join(folder, "LR_bicubic", `X${scale}`, `${name}x${scale}.png`),
  };
}
