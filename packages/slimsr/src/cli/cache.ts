import { Command } from "commander";
import { CACHE_LIMIT, cacheUse, clearCache, defaultCacheDirectory } from "../datasets/cache-folder.js";
import { bytes as shown } from "../text/numbers.js";

interface Options {
  clear?: true;
  json?: true;
}

/** `slimsr cache`: what decoded images and kept outputs take on disk. */
export function cacheCommand(): Command {
  return new Command("cache")
    .option("--clear", "remove them all; they are made anew when they are needed")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nImages of data sets are decoded once, into a folder below XDG_CACHE_HOME (default: ~/.cache), from which they are read in pieces.
There too lie the outputs that networks give of training images, where students learn them (slimsr compress --keep-outputs).
Beyond ${shown(CACHE_LIMIT)} those are dropped that weren't used for longest, but none of the last seven days.`,
    )
    .action(run);
}

async function run({ clear, json }: Options): Promise<void> {
  const folder = defaultCacheDirectory();
  const { files, bytes, outputs } = await (clear ? clearCache(folder) : cacheUse(folder));
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ folder, files, bytes, outputs, cleared: clear ?? false }, undefined, 2)}\n`,
    );
    return;
  }
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const kept = [counted(files - outputs, "decoded image"), ...(outputs > 0 ? [counted(outputs, "kept output")] : [])];
  process.stdout.write(`${folder}: ${kept.join(" and ")}, ${shown(bytes)}${clear ? ", removed" : ""}\n`);
}
