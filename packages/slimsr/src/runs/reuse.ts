import { createHash } from "node:crypto";
import { join } from "node:path";
import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { readWhole } from "../files/models.js";
import { contentsOf, readContents, requireContents } from "./contents.js";
import type { RunHooks } from "./inputs.js";
import { openSets, type RunSets, setDigests } from "./sets.js";
import { PATHS, type Settings } from "./settings.js";
import { loadProgress } from "./state.js";
import { openNetwork } from "./teacher.js";

/** What settings name: the networks' digests, and images. */
interface Named {
  readonly kept: { readonly teacher: string | null; readonly tutors: readonly string[] };
  readonly sets: RunSets;
}

/** Settings that `Named` follows from. */
const NAMING: readonly string[] = [
  ...[...PATHS, "trainRange", "valRange", "degrade", "skipBad", "patch", "validationPatch"],
  ...Object.keys(OVERRIDES),
];

/** Checks what runs that are there already were made of; what several have in common is opened once. */
export class ReuseCheck {
  readonly #named = new Map<string, Promise<Named>>();

  constructor(private readonly hooks: RunHooks) {}

  /**
   * Refuses a folder's run that began with other contents than the settings name now, wherever they lie.
   * @returns digests of the test sets, as `setDigests`
   * @throws RunError naming what has changed
   */
  async requireSame(path: string, settings: Settings): Promise<string[]> {
    const { kept, sets } = await this.#open(settings);
    const folder = { path, file: (...parts: string[]) => join(path, ...parts) };
    const { contents: digest } = await loadProgress(folder, "latest");
    // Whether outputs are kept follows from the settings, which are the same.
    const keptOutputs = (await readContents(folder))?.keptOutputs ?? false;
    const now = await contentsOf(kept, settings, sets.training, sets.validation.whole, keptOutputs);
    const { teacher = "", tutor } = settings;
    await requireContents(folder, settings, now, digest, { teacher, tutors: tutor });
    return setDigests(sets.sets);
  }

  #open(settings: Settings): Promise<Named> {
    const key = JSON.stringify(NAMING.map((name) => settings[name as keyof Settings] ?? null));
    const opened = this.#named.get(key) ?? openNamed(settings, this.hooks);
    this.#named.set(key, opened);
    return opened;
  }
}

async function openNamed(settings: Settings, hooks: RunHooks): Promise<Named> {
  const { model, kept } = await openNetwork(settings, undefined);
  const tutors: string[] = [];
  for (const file of settings.tutor) tutors.push(digestOf(await readWhole(file)));
  const sets = await openSets(settings, model.descriptor, hooks);
  return { kept: { teacher: kept ? digestOf(kept()) : null, tutors }, sets };
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
