import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { readSafetensors } from "@slimsr/core/internal/checkpoints/safetensors.js";
import type { StateDict, StateTensor } from "@slimsr/core/internal/checkpoints/state.js";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import {
  ARCHITECTURES,
  DIV2K_MEAN,
  type NetworkOptions,
  networkOptions,
  type Vgg19Weights,
} from "@slimsr/core/internal/networks/index.js";
import * as z from "zod";
import { fromJson } from "../files/json.js";

const count = z.int().positive();

const description = z.object({
  model: z.enum(ARCHITECTURES.map(({ title }) => title)),
  /** Options of the network in the reference's spelling; n is its features. */
  kw: z.looseObject({ n: count }),
  width: z.number().positive().max(1),
  case: z.string(),
  split: z.enum(["official", "aligned"]),
  variant: z.string(),
  vgg_mean: z.tuple([z.number(), z.number(), z.number()]),
  negatives: z.array(z.int().nonnegative()),
  contrasted: count.nullish(),
  contra_lambda: z.number(),
  teacher_lambda: z.number(),
  learning_rate: z.number().positive(),
  betas: z.tuple([z.number(), z.number()]),
  epsilon: z.number().positive(),
});

/** What a reference implementation computed for one small network and batch. */
export interface ReferenceCase {
  readonly name: string;
  readonly settings: z.infer<typeof description>;
  readonly network: NetworkOptions;
  readonly tensors: StateDict;
  /** Absent where the case has no contrastive loss. */
  readonly vgg?: Vgg19Weights;
}

/**
 * Reads a case from its .json; the tensors lie in the .safetensors of the same name.
 * @throws CheckpointError where a file is missing or isn't of the format.
 */
export async function readCase(path: string): Promise<ReferenceCase> {
  const parsed = description.safeParse(parseJson(await readText(path), path));
  if (!parsed.success) throw new CheckpointError(`${path}: ${z.prettifyError(parsed.error)}`);
  const settings = parsed.data;
  const file = path.replace(/\.json$/, ".safetensors");
  const { tensors } = readSafetensors(await readBytes(file), file);
  const vgg = readVgg(tensors, settings.vgg_mean);
  return { name: basename(path, ".json"), settings, network: networkOf(settings, path), tensors, ...(vgg && { vgg }) };
}

export function tensorOf({ tensors, name }: ReferenceCase, key: string): StateTensor {
  const tensor = tensors.get(key);
  if (!tensor) throw new CheckpointError(`case ${name}: tensor ${key} is missing`);
  return tensor;
}

const readBytes = (path: string) =>
  readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CheckpointError(
      `${path} can't be read (${error.code}); a case is a .json and a .safetensors of one name`,
    );
  });

const readText = async (path: string): Promise<string> => (await readBytes(path)).toString("utf8");

function parseJson(content: string, path: string): unknown {
  try {
    return fromJson(content);
  } catch (error) {
    throw new CheckpointError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

/** What a case leaves unsaid is as CSD's code has it. Cases say the variant whatever the architecture. */
function networkOf({ model, kw: { n, ...own }, variant }: z.infer<typeof description>, path: string): NetworkOptions {
  const architecture = ARCHITECTURES.find(({ title }) => title === model);
  const csd = architecture?.conventions.find(({ source }) => source === "csd");
  const parsed = networkOptions.safeParse({
    ...{ architecture: architecture?.name, features: n, mean: DIV2K_MEAN, range: 255 },
    ...csd?.assumed?.(n),
    ...(architecture && "variant" in architecture.options.shape && { variant }),
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [camelCase(key), value])),
  });
  if (!parsed.success) throw new CheckpointError(`${path}: kw: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** "res_scale" → "resScale". */
const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function readVgg(tensors: StateDict, mean: readonly [number, number, number]): Vgg19Weights | undefined {
  const convolutions = [];
  for (let i = 0; ; i++) {
    const [weight, bias] = [tensors.get(`vgg.convs.${i}.weight`), tensors.get(`vgg.convs.${i}.bias`)];
    if (!weight || !bias) break;
    convolutions.push({ weight, bias });
  }
  return convolutions.length > 0 ? { convolutions, mean } : undefined;
}
