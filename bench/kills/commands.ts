import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const IMAGES = fileURLToPath(new URL("../../test/fixtures/images", import.meta.url));

/** What each command is called with, to write into a folder where it may have begun to. */
export function commands(teacher: string): Record<string, (out: string) => Promise<string[]> | string[]> {
  const short = [
    "--below-bicubic",
    ...["--teacher", teacher, "--train", IMAGES, "--val", IMAGES, "--batch", "2", "--patch", "12", "--threads", "1"],
    ...["--warmup", "0", "--validation-patch", "16", "--calibration-patches", "8"],
  ];
  const contrastive = ["--negatives", "1", "--contrasted", "1", "--average", "0.9"];
  const training = ["--steps", "30", "--validate-every", "8", "--checkpoint-every", "3"];
  return {
    compress: (out) =>
      existsSync(join(out, "checkpoints", "latest.safetensors"))
        ? ["compress", "--resume", out]
        : ["compress", ...short, ...training, ...contrastive, "--method", "csd", "--out", out],
    ablate: (out) => ["ablate", ...short, ...training, "--method", "slice,kd", "--seed", "0,1", "--out", out],
    slim: (out) => [
      ...["slim", "--below-bicubic", "--teacher", teacher, "--width", "0.75,0.5,0.25", "--calibration-patches", "8"],
      ...["--out", join(out, "student")],
    ],
    prepare: (out) => ["prepare", "--hr", IMAGES, "--scale", "2,3,4", "--out", out],
    convert: (out) => ["convert", teacher, "--out", join(out, "teacher.pt"), "--force"],
    evaluate: (out) => ["evaluate", "--model", teacher, "--data", IMAGES, "--threads", "1", "--save", out],
  };
}
