import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { readSafetensors } from "@slimsr/core/internal/checkpoints/safetensors.js";
import type { StateDict, StateTensor } from "@slimsr/core/internal/checkpoints/state.js";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import {
  DIV2K_MEAN,
  type NetworkOptions,
  SCALES,
  type Scale,
  type Vgg19Weights,
} from "@slimsr/core/internal/networks/index.js";
import { z } from "zod";

const scale = z.literal(SCALES);
const count = z.int().positive();

const description = z.object({
  model: z.enum(["EDSR", "RCAN", "CARN"]),
  kw: z.object({
    n: count,
    scale,
    blocks: count.optional(),
    groups: count.optional(),
    reduction: count.optional(),
    res_scale: z.number().optional(),
  }),
  width: z.number().positive().max(1),
  case: z.string(),
  split: z.enum(["official", "aligned"]),
  variant: z.enum(["original", "csd"]),
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
  return { name: basename(path, ".json"), settings, network: networkOf(settings), tensors, ...(vgg && { vgg }) };
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
    return JSON.parse(content);
  } catch (error) {
    throw new CheckpointError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

function networkOf({ model, kw, variant }: z.infer<typeof description>): NetworkOptions {
  const common = { scale: kw.scale as Scale, features: kw.n, mean: DIV2K_MEAN, range: 255 } as const;
  switch (model) {
    case "EDSR":
      return { ...common, architecture: "edsr", blocks: kw.blocks ?? 32, resScale: kw.res_scale ?? 0.1 };
    case "RCAN": {
      const { groups = 10, blocks = 20, reduction = 16 } = kw;
      return { ...common, architecture: "rcan", groups, blocks, reduction };
    }
    case "CARN":
      return { ...common, architecture: "carn", variant };
  }
}

function readVgg(tensors: StateDict, mean: readonly [number, number, number]): Vgg19Weights | undefined {
  const convolutions = [];
  for (let i = 0; ; i++) {
    const [weight, bias] = [tensors.get(`vgg.convs.${i}.weight`), tensors.get(`vgg.convs.${i}.bias`)];
    if (!weight || !bias) break;
    convolutions.push({ weight, bias });
  }
  return convolutions.length > 0 ? { convolutions, mean } : undefined;
}
