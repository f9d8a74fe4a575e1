import { Command } from "commander";
import { CACHE_LIMIT, cacheUse, clearCache, defaultCacheDirectory } from "../datasets/cache-folder.js";
import { bytes as shown } from "../text/numbers.js";

interface Options {
  clear?: true;
  json?: true;
}

/** `slimsr cache`: what decoded images take on disk. */
export function cacheCommand(): Command {
  return new Command("cache")
    .option("--clear", "remove them all; they are decoded anew when they are needed")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nImages of data sets are decoded once, into a folder below XDG_CACHE_HOME (default: ~/.cache), from which they are read in pieces.
Beyond ${shown(CACHE_LIMIT)} those are dropped that weren't used for longest, but none of the last seven days.`,
    )
    .action(run);
}

async function run({ clear, json }: Options): Promise<void> {
  const folder = defaultCacheDirectory();
  const { files, bytes } = await (clear ? clearCache(folder) : cacheUse(folder));
  if (json) {
    process.stdout.write(`${JSON.stringify({ folder, files, bytes, cleared: clear ?? false }, undefined, 2)}\n`);
    return;
  }
  const images = `${files} decoded ${files === 1 ? "image" : "images"}, ${shown(bytes)}`;
  process.stdout.write(`${folder}: ${images}${clear ? ", removed" : ""}\n`);
}
