import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { descriptionOf } from "@slimsr/core/internal/networks/index.js";
import { type Command, Option } from "commander";
import * as z from "zod";
import { fromJson } from "../files/json.js";
import { systemReason } from "../files/system-reason.js";
import type { Variant } from "../runs/ablation.js";
import type { Preset } from "../runs/presets.js";
import { PATHS, type PartialSettings, settingsSchema } from "../runs/settings.js";
import { flagOf } from "../text/expectation.js";
import { argumentOf, checkedValue, typedValue } from "./schema-options.js";
import { defaultNote, type SettingKey } from "./setting-defaults.js";

/** What budgets are called in usage. */
const ARGUMENTS: Readonly<Partial<Record<SettingKey, string>>> = {
  ...{ budget: "factor", macs: "share", ms: "milliseconds", at: "size" },
};

/** Of what says how slim students are, one is given. */
const CONFLICTS: Readonly<Partial<Record<SettingKey, readonly SettingKey[]>>> = {
  budget: ["width"],
  macs: ["width", "budget"],
  ms: ["width", "budget", "macs"],
};

/** Lists of paths, which come path by path, and what each is. */
const PATH_LISTS: Readonly<Partial<Record<SettingKey, string>>> = { data: "folder", tutor: "file" };

/**
 * Adds an option for every setting of a run but `left`.
 * @param presets those that the command starts from, its default first
 */
export function addSettingsOptions(
  command: Command,
  left: readonly SettingKey[],
  presets: readonly Preset[] = [],
): Command {
  for (const key of Object.keys(settingsSchema.shape)) {
    if (left.includes(key as SettingKey) || key === "network") continue;
    // Behind its counterpart a switch that turns something off is undefined where it isn't given.
    if (isOnByDefault(settingsSchema.shape[key as SettingKey])) command.addOption(new Option(flagOf(key)).hideHelp());
    command.addOption(settingOption(key as SettingKey, presets));
  }
  return command;
}

/** The option of a setting. */
export function settingOption(key: SettingKey, presets: readonly Preset[] = []): Option {
  const schema: z.core.$ZodType = settingsSchema.shape[key];
  const isOff = isOnByDefault(schema);
  const flags = isOff ? `--no-${flagOf(key).slice(2)}` : `${flagOf(key)}${settingArgument(key, schema)}`;
  const option = new Option(flags, `${descriptionOf(schema)}${isOff ? "" : defaultNote(key, presets)}`);
  // A switch has no text.
  if (!(key in PATH_LISTS) && flags.includes("<")) option.argParser((text) => checkedValue(text, schema));
  return option.conflicts([...(CONFLICTS[key] ?? [])]);
}

/** Whether a setting is a switch that the command line can only turn off. */
const isOnByDefault = (schema: z.core.$ZodType): boolean => z.safeParse(schema, undefined).data === true;

/** As `argumentOf`, and what a text is. */
function settingArgument(key: SettingKey, schema: z.core.$ZodType): string {
  const named = ARGUMENTS[key];
  if (named !== undefined) return ` <${named}>`;
  const listed = PATH_LISTS[key];
  if (listed !== undefined) return ` <${listed}...>`;
  return isPath(key) ? " <path>" : argumentOf(schema);
}

/** The settings that the command line names, but `left`, out of all its options; a command of its own may have others. */
export function settingsOf(
  options: Readonly<Record<string, unknown>>,
  left: readonly SettingKey[] = [],
): PartialSettings {
  const found: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(settingsSchema.shape)) {
    const value = options[key];
    if (value === undefined || left.includes(key as SettingKey)) continue;
    found[key] = typedValue(value, schema);
  }
  return absolute(found, process.cwd());
}

/** A config file's settings; its relative paths count from where the command runs. @throws UsageError where it isn't JSON */
export async function readConfig(file: string): Promise<PartialSettings> {
  return absolute(await readObject(file, "--config"), process.cwd());
}

/** A file of variants; paths as in a config file. @throws UsageError where it isn't JSON, or a name can't be a folder's */
export async function readVariants(file: string): Promise<Variant[]> {
  const variants = Object.entries(await readObject(file, "--variants"));
  if (variants.length === 0) throw new UsageError(`${file} names no variant`);
  return variants.map(([name, settings]) => {
    if (!/^\w[\w.+-]{0,99}$/.test(name)) {
      throw new UsageError(`${file}: "${name}" can't name a folder; use letters, digits, ".", "+", "-" and "_"`);
    }
    if (!isObject(settings)) throw new UsageError(`${file}: ${name} must be an object of settings`);
    for (const key of ["width", "budget", "macs", "seed"]) {
      if (key in settings) throw new UsageError(`${file}: ${name} sets ${key}; --${key} has those of all variants`);
    }
    if ("ms" in settings) {
      throw new UsageError(`${file}: ${name} sets ms, by which each run would choose channels of its own; use --macs`);
    }
    return { name, settings: absolute(settings, process.cwd()) };
  });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function readObject(file: string, option: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`${file} can't be read: ${systemReason(error)}; ${option} takes a JSON file of settings`);
  });
  try {
    const parsed: unknown = fromJson(text);
    if (!isObject(parsed)) throw new SyntaxError("it is no object");
    return parsed;
  } catch (error) {
    throw new UsageError(`${file} is not a JSON object of settings: ${(error as Error).message}`);
  }
}

const isPath = (key: string): boolean => PATHS.some((path) => path === key);

/** Paths are kept whole, so that a run can be resumed from anywhere. */
function absolute(settings: Record<string, unknown>, folder: string): PartialSettings {
  const whole = (value: unknown) => (typeof value === "string" && value !== "" ? resolve(folder, value) : value);
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [
      key,
      isPath(key) ? (Array.isArray(value) ? value.map(whole) : whole(value)) : value,
    ]),
  );
}
