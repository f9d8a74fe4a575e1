import { rm } from "node:fs/promises";
import { downloadedModels, modelsFolder } from "@slimsr/upscaler/internal/node/model-store.js";
import { Command } from "commander";
import { CACHE_LIMIT, cacheUse, clearCache, defaultCacheDirectory } from "../datasets/cache-folder.js";
import { bytes as shown } from "../text/numbers.js";

interface Options {
  clear?: true;
  json?: true;
}

/** `slimsr cache`: what decoded images, kept outputs and downloaded models take on disk. */
export function cacheCommand(): Command {
  return new Command("cache")
    .option("--clear", "remove them all; they are made, or downloaded, anew when they are needed")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nImages of data sets are decoded once, into a folder below XDG_CACHE_HOME (default: ~/.cache), from which they are read in pieces.
There too lie the outputs that networks give of training images, where students learn them (slimsr compress --keep-outputs).
Beyond ${shown(CACHE_LIMIT)} those are dropped that weren't used for longest, but none of the last seven days.
Models that were downloaded (slimsr upscale --model https://…) lie beside them and stay until they are removed.`,
    )
    .action(run);
}

async function run({ clear, json }: Options): Promise<void> {
  const folder = defaultCacheDirectory();
  const { files, bytes, outputs } = await (clear ? clearCache(folder) : cacheUse(folder));
  const downloaded = await downloadedModels();
  const models = { folder: modelsFolder(), files: downloaded.length, bytes: total(downloaded) };
  if (clear) for (const { path } of downloaded) await rm(path, { force: true });
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ folder, files, bytes, outputs, models, cleared: clear ?? false }, undefined, 2)}\n`,
    );
    return;
  }
  const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const kept = [counted(files - outputs, "decoded image"), ...(outputs > 0 ? [counted(outputs, "kept output")] : [])];
  const end = clear ? ", removed\n" : "\n";
  process.stdout.write(`${folder}: ${kept.join(" and ")}, ${shown(bytes)}${end}`);
  if (models.files > 0) {
    const what = counted(models.files, "downloaded model");
    process.stdout.write(`${models.folder}: ${what}, ${shown(models.bytes)}${end}`);
  }
}

const total = (files: readonly { readonly bytes: number }[]): number =>
  files.reduce((sum, { bytes }) => sum + bytes, 0);
