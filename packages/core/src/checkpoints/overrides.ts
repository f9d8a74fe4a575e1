import * as z from "zod/mini";
import { CheckpointError, UsageError } from "../errors.js";
import { commonOptions, descriptionOf } from "../networks/options.js";
import { ARCHITECTURES, architectureOf, type NetworkOptions, type Registered } from "../networks/registry.js";

/** What any file may leave unsaid, own options of architectures apart. */
const COMMON = {
  scale: z
    .optional(z.int().check(z.minimum(1), z.maximum(8)))
    .check(z.describe("magnification, where a file has several or doesn't tell; 1 for restoration")),
  channels: z
    .optional(z.literal([3, 1]))
    .check(z.describe("channels of the images, where a file leaves them open: 3 is RGB, 1 luma or grey")),
  range: z
    .optional(commonOptions.range)
    .check(
      z.describe("pixel values inside the network go up to 255 or 1; found by running it where a file doesn't tell"),
    ),
};

type Common = { [Key in keyof typeof COMMON]: NonNullable<z.infer<(typeof COMMON)[Key]>> };
type Option = keyof Common | Registered["overrides"][number];

type OptionValue<Key extends Option> = Key extends keyof Common
  ? Common[Key]
  : Extract<NetworkOptions, { [_ in Key]: unknown }>[Key];

/** What a user knows better than the file and its source's convention. */
export type Overrides = { [Key in Option]?: OptionValue<Key> | undefined };

/** Their schemas; help has the descriptions. */
export const OVERRIDES = Object.fromEntries([
  ...Object.entries(COMMON),
  ...ARCHITECTURES.flatMap(({ title, options, overrides }) =>
    overrides.map((key) => {
      const schema = options.shape[key] as z.core.$ZodType;
      const description = `${descriptionOf(schema)} (${title}), where the file doesn't tell`;
      return [key, z.optional(schema).check(z.describe(description))];
    }),
  ),
]) as { [Key in Option]: z.ZodMiniOptional<z.ZodMiniType<OptionValue<Key>, OptionValue<Key>>> };

/** Those among other options. */
export const overridesOf = (options: Overrides): Overrides =>
  Object.fromEntries(Object.keys(OVERRIDES).map((key) => [key, options[key as Option]]));

/**
 * The network as the user says it is; channels are of its images, which `requireChannels` checks.
 *
 * @throws UsageError for what the architecture doesn't have, CheckpointError for a scale that the file contradicts
 */
export function applyOverrides(network: NetworkOptions, overrides: Overrides, file: string): NetworkOptions {
  const { scale, channels: _, range, ...own } = overrides;
  if (scale !== undefined && scale !== network.scale) {
    throw new CheckpointError(`${file} magnifies ×${network.scale}, not ×${scale} as asked`);
  }
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  const { title, overrides: known } = architectureOf(network);
  for (const [option] of given) {
    if (!known.includes(option)) throw new UsageError(`${file} holds ${title}, which has no ${option}; leave it out`);
  }
  return { ...network, range: range ?? network.range, ...Object.fromEntries(given) };
}
