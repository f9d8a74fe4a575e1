import { UsageError } from "@slimsr/core/internal/errors.js";
import {
  ARCHITECTURES,
  type Architecture,
  architectureOf,
  descriptionOf,
  type NetworkOptions,
  networkOptions,
} from "@slimsr/core/internal/networks/index.js";
import { type Command, Option } from "commander";
import type * as z from "zod";
import { complaint, flagOf } from "../text/expectation.js";
import { argumentOf, typedValue } from "./schema-options.js";

/** Options that the command line doesn't have: the first has a flag of its own, the second is as it is for all. */
const LEFT = ["architecture", "mean"];

const NAMES = ARCHITECTURES.map(({ name }) => name);

/** Adds an option for every option of a network, of whichever architecture. */
export function addNetworkOptions(command: Command): Command {
  command.addOption(new Option("--architecture <name>", "what to train").choices(NAMES));
  for (const key of new Set(ARCHITECTURES.flatMap(keysOf))) {
    const having = ARCHITECTURES.filter((architecture) => keysOf(architecture).includes(key));
    const shown = having.map((architecture) => argumentOf(schemaOf(architecture, key)));
    command.option(`${flagOf(key)}${eitherArgument(shown)}`, helpOf(key, having));
  }
  return command;
}

/**
 * The network that the command line's options describe, if they name an architecture.
 * @throws UsageError naming the options that are wrong, lacking or of another architecture
 */
export function networkFrom(options: Readonly<Record<string, unknown>>): NetworkOptions | undefined {
  const given = [...new Set(ARCHITECTURES.flatMap(keysOf))].filter((key) => options[key] !== undefined);
  const { architecture: name } = options;
  if (typeof name !== "string") {
    if (given.length === 0) return undefined;
    throw new UsageError(`${given.map(flagOf).join(", ")}: say of what with --architecture ${list(NAMES)}`);
  }
  const architecture = architectureOf({ architecture: name });
  const own = keysOf(architecture);
  const foreign = given.filter((key) => !own.includes(key));
  if (foreign.length > 0) {
    const flags = own.map(flagOf).join(", ");
    throw new UsageError(`${architecture.title} has no ${foreign.map(flagOf).join(", ")}; it has ${flags}`);
  }
  if (options.scale === undefined && architecture.defaults.scale === undefined) {
    throw new UsageError("say how much it magnifies: --scale 2, 3 or 4");
  }
  const values = given.map((key) => [key, typedValue(options[key], schemaOf(architecture, key))]);
  const network = { architecture: name, ...architecture.defaults, ...Object.fromEntries(values) };
  const parsed = networkOptions.safeParse(network);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    parsed.error.issues.map((issue) => complaint(issue, networkOptions, network, flagOf)).join("; "),
  );
}

/** " <2|3|4>" and " <1>" are " <1|2|3|4>". */
function eitherArgument(shown: readonly string[]): string {
  const choices = new Set(shown.flatMap((argument) => argument.replace(/^ <|>$/g, "").split("|")));
  return choices.has("") ? "" : ` <${[...choices].sort((a, b) => Number(a) - Number(b)).join("|")}>`;
}

/** "edsr, rcan or carn". */
export const architectureNames = (): string => list(NAMES);

const list = (names: readonly string[]): string => new Intl.ListFormat("en-GB", { type: "disjunction" }).format(names);

const keysOf = ({ options }: Architecture): string[] => Object.keys(options.shape).filter((key) => !LEFT.includes(key));

const schemaOf = ({ options }: Architecture, key: string): z.core.$ZodType => options.shape[key] as z.core.$ZodType;

/** "residual blocks (EDSR; default: 16), or residual blocks a group (RCAN; default: 20)"; no names where all have the same. */
function helpOf(key: string, having: readonly Architecture[]): string {
  const defaultOf = ({ defaults }: Architecture) => (defaults as Readonly<Record<string, unknown>>)[key];
  const textOf = (description: string, alike: readonly Architecture[]): string => {
    const having = alike.filter((each) => defaultOf(each) !== undefined);
    const defaults = [...groupBy(having, (each) => String(defaultOf(each)))].map(([value, those]) =>
      those.length === alike.length ? value : `${value} for ${titles(those)}`,
    );
    const owners = alike.length === ARCHITECTURES.length ? "" : titles(alike);
    const standard = defaults.join("") === "" ? "" : `default: ${defaults.join(", ")}`;
    const notes = [owners, standard].filter((note) => note !== "").join("; ");
    return notes === "" ? description : `${description} (${notes})`;
  };
  const descriptions = groupBy(having, (each) => descriptionOf(schemaOf(each, key)));
  return [...descriptions].map(([description, alike]) => textOf(description, alike)).join(", or ");
}

const titles = (architectures: readonly Architecture[]): string => architectures.map(({ title }) => title).join(", ");

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
