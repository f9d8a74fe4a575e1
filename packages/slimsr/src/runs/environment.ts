import { arch, cpus, platform, release, totalmem } from "node:os";
import { engineVersion } from "@slimsr/upscaler/internal/node/engine.js";
import * as z from "zod";
import { alone, type Exchange } from "../exchange/exchange.js";
import { VERSION } from "../version.js";
import type { RunFolder } from "./folder.js";
import { readJsonFile } from "./json-file.js";

const schema = z.object({
  slimsr: z.string(),
  node: z.string(),
  onnxruntime: z.string(),
  system: z.string(),
  processor: z.string(),
  cores: z.number(),
  /** Bytes. */
  memory: z.number(),
  /** Of several, those that trained together; the machine is the first one's. */
  ranks: z.number().exactOptional(),
});

/** What a run is done with. */
export type Environment = z.infer<typeof schema>;

export function environment({ size }: Pick<Exchange, "size"> = alone): Environment {
  return {
    slimsr: VERSION,
    node: process.version,
    onnxruntime: engineVersion(),
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
    ...(size > 1 && { ranks: size }),
  };
}

const FILE = "environment.json";

/** The environments that a run has been worked on in, in their order; this process' is added where it is another. @throws RunError where the file is damaged */
export async function recordEnvironment(
  folder: RunFolder,
  exchange: Pick<Exchange, "size"> = alone,
): Promise<Environment[]> {
  const mend = "remove it: it only tells which machines the run was on";
  const known = (await readJsonFile(folder.file(FILE), z.array(schema), mend)) ?? [];
  const current = environment(exchange);
  if (JSON.stringify(known.at(-1)) === JSON.stringify(current)) return known;
  const all = [...known, current];
  await folder.write(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
  return all;
}
