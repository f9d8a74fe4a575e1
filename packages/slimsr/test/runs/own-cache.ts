import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { temporaryFolder } from "../cli/runs.js";

export interface OwnCache {
  /** The folder that slimsr's lies in. */
  home(): string;
  /** Paths of the images or outputs in it, by their ending, sorted. */
  files(ending: string): Promise<string[]>;
}

/** Has each of a file's tests begin with an empty cache of its own. */
export function ownCache(): OwnCache {
  let home = "";
  beforeEach(async () => {
    home = await temporaryFolder();
    vi.stubEnv("XDG_CACHE_HOME", home);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  return {
    home: () => home,
    files: async (ending) => {
      const folder = join(home, "slimsr", "images");
      const files = await readdir(folder, { recursive: true }).catch(() => []);
      return files
        .filter((file) => file.endsWith(ending))
        .map((file) => join(folder, file))
        .sort();
    },
  };
}
