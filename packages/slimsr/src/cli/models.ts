import { stat } from "node:fs/promises";
import { SHIPPED_MODELS } from "@slimsr/upscaler/internal/loading/shipped-models.js";
import { shippedFile } from "@slimsr/upscaler/internal/node/model-source.js";
import { Command } from "commander";
import { toJson } from "../files/json.js";
import { bytes as shown } from "../text/numbers.js";
import { renderTable } from "../text/table.js";

/** `slimsr models`: the models that `slimsr upscale --model` has by name. */
export function modelsCommand(): Command {
  return new Command("models").option("--json", "print JSON").action(run);
}

async function run({ json }: { json?: true }): Promise<void> {
  const models = await Promise.all(
    SHIPPED_MODELS.map(async ({ file, ...model }) => ({ ...model, bytes: (await stat(shippedFile(file))).size })),
  );
  if (json) {
    process.stdout.write(`${toJson(models, 2)}\n`);
    return;
  }
  const table = renderTable(
    [
      { title: "name", value: ({ name }) => name },
      { title: "task", value: ({ task }) => task },
      { title: "scale", value: ({ scale }) => `×${scale}` },
      { title: "qualities", value: ({ qualities }) => qualities.join(", ") },
      { title: "size", value: ({ bytes }) => bytes, show: shown },
      { title: "licence", value: ({ licence }) => licence },
      { title: "for", value: ({ purpose }) => purpose },
    ],
    models,
    "text",
  );
  process.stdout.write(table);
}
