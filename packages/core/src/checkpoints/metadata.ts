import { en } from "zod/locales";
import * as z from "zod/mini";
import { CheckpointError } from "../errors.js";
import { type NetworkOptions, networkOptions } from "../networks/registry.js";
import { printable } from "./printable.js";

/** What the metadata of this project's own checkpoints says, as JSON under `slimsr`. */
export interface Description {
  network: NetworkOptions;
  /** Width multipliers that the parameters were trained for; they are shared, the widest holding all. */
  widths?: readonly number[];
}

const METADATA_KEY = "slimsr";

const description = z.strictObject({
  network: networkOptions,
  widths: z.exactOptional(z.array(z.number().check(z.gt(0), z.maximum(1))).check(z.minLength(1), z.maxLength(64))),
});

/** String metadata that holds the description. */
export function describe({ network, widths }: Description): Record<string, string> {
  return { [METADATA_KEY]: JSON.stringify(widths ? { network, widths } : { network }) };
}

/**
 * The description that string metadata holds, if it holds one.
 *
 * @throws CheckpointError where it is not as this version writes it
 */
export function readDescription(metadata: Readonly<Record<string, string>>, file: string): Description | undefined {
  const text = metadata[METADATA_KEY];
  if (text === undefined) return undefined;
  const parsed = description.safeParse(parseJson(text), { error: en().localeError });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".") || METADATA_KEY}: ${message}`);
  throw new CheckpointError(
    `${file} describes its network in a way this version doesn't know (${printable(problems.slice(0, 3).join("; "), 300)})`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
