import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import * as z from "zod";
import { UsageError } from "../../packages/core/src/errors.js";
import { fileDigest } from "../../packages/slimsr/src/files/digest.js";
import { readJsonFile } from "../../packages/slimsr/src/runs/json-file.js";

const about = z.object({
  task: z.enum(["sr", "denoise", "dehaze"]),
  ...{ scale: z.int().min(1), channels: z.int().min(1), range: z.literal([255, 1]), parameters: z.int().min(1) },
  /** dB by set, of whoever's code the network was exported from. */
  psnr: z.record(z.string(), z.number()),
  ...{ licence: z.string(), source: z.string(), architecture: z.string() },
});

/** What is known of a network beside its file. */
export type About = Readonly<z.infer<typeof about>>;

/** A network that is tried: NAME.onnx, NAME.json and NAME.safetensors in one folder. */
export interface Entry {
  readonly name: string;
  readonly onnx: string;
  /** Images and what the network made of them in PyTorch: tensors input, output, and input2, output2 where there are two. */
  readonly tensors: string;
  readonly about: About;
  /** SHA-256 of the ONNX file. */
  readonly digest: string;
}

/**
 * The networks of a folder, by name.
 * @param only names; all where left out
 * @throws UsageError where there is none, or none of a name
 */
export async function entriesOf(folder: string, only: readonly string[] | undefined): Promise<Entry[]> {
  const files = await readdir(folder).catch((error: Error) => {
    throw new UsageError(`--networks ${folder} can't be read: ${error.message}`);
  });
  const names = files.filter((file) => file.endsWith(".onnx")).map((file) => basename(file, ".onnx"));
  const missing = only?.find((name) => !names.includes(name));
  if (missing !== undefined) {
    throw new UsageError(`there is no ${missing}.onnx in ${folder}; there are ${names.sort().join(", ")}`);
  }
  if (names.length === 0) throw new UsageError(`${folder} holds no NAME.onnx`);
  return Promise.all((only ?? names.sort()).map((name) => entryOf(folder, name)));
}

async function entryOf(folder: string, name: string): Promise<Entry> {
  const [onnx, json, tensors] = ["onnx", "json", "safetensors"].map((end) => join(folder, `${name}.${end}`)) as [
    string,
    string,
    string,
  ];
  const known = await readJsonFile(json, about, "write down what is known of the network: task, scale, range, psnr …");
  if (!known) throw new UsageError(`${json} is missing: it says what ${name}.onnx is for`);
  return { name, onnx, tensors, about: known, digest: await fileDigest(onnx) };
}
