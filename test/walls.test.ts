import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "./support/child.js";

interface Cruise {
  readonly modules: { source: string; dependencies: { module: string }[] }[];
  readonly summary: { violations: { rule: { name: string }; from: string; to: string }[] };
}

const PACKAGES = ["core", "upscaler", "slimsr", "page"];

describe("walls between folders and packages", () => {
  it("stand", async () => {
    const { modules, summary } = await cruise(ROOT);
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
    const engines = modules.filter(({ dependencies }) =>
      dependencies.some(({ module }) => /^onnxruntime/.test(module)),
    );
    expect(engines.length).toBeGreaterThan(0);
    expect(engines.filter(({ source }) => !source.startsWith("packages/upscaler/src/"))).toEqual([]);
  });

  it("are the ones that ARCHITECTURE.md tells of", async () => {
    const { ORDER } = (await import(pathToFileURL(join(ROOT, ".dependency-cruiser.js")).href)) as {
      ORDER: Readonly<Record<string, readonly (readonly string[])[]>>;
    };
    const architecture = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").replace(/\s+/g, " ");
    for (const [name, lines] of Object.entries(ORDER)) {
      const order = `${name}: ${lines.map((line) => line.join(", ")).join(" < ")}`;
      expect(architecture.includes(order), order).toBe(true);
    }
  });

  it("are what the cruiser finds broken", async () => {
    const copy = copyWith(Object.fromEntries(BROKEN.map(([, file, text]) => [file, text])));
    const { violations } = (await cruise(copy)).summary;
    for (const [rule, file] of BROKEN) {
      const from = rule === "folder-circle" ? dirname(`packages/${file}`) : `packages/${file}`;
      const found = violations.filter((each) => each.from === from).map((each) => each.rule.name);
      expect(found, file).toContain(rule);
    }
  });

  it("keep the platform's names out", async () => {
    const copy = copyWith(Object.fromEntries(STRANGERS));
    const core = await run("tsc", ["--noEmit", "--project", "packages/core"], copy);
    const upscaler = await run("tsc", ["--noEmit", "--project", "packages/upscaler"], copy);
    for (const [file, text] of STRANGERS) {
      const name = /= (\w+)/.exec(text)?.[1];
      expect(core + upscaler).toMatch(new RegExp(`${file}.*Cannot find name '${name}'`));
    }
  });
});

/** The rule that must speak, the file that breaks it, what is in the file. */
const BROKEN = [
  ["folder-circle", "core/src/graph/circle.ts", 'export * from "../operators/index.js";'],
  ["folder-circle", "slimsr/src/files/circle.ts", 'export type { Dataset } from "../datasets/dataset.js";'],
  ["order-core-onnx", "core/src/onnx/upwards.ts", 'export * from "../metrics/psnr.js";'],
  ["order-core-metrics", "core/src/metrics/sideways.ts", 'import type * as csd from "../objectives/csd.js";'],
  ["order-core-graph", "core/src/graph/lazily.ts", 'export const later = () => import("../onnx/index.js");'],
  ["order-core", "core/src/elsewhere/unplaced.ts", 'export * from "../errors.js";'],
  ["order-upscaler-engine", "upscaler/src/engine/upwards.ts", 'export * from "../node/session.js";'],
  ["order-slimsr-datasets", "slimsr/src/datasets/upwards.ts", 'export * from "../runs/open.js";'],
  ["packages-by-name", "slimsr/src/images/by-path.ts", 'export * from "../../../core/src/errors.js";'],
  ["packages-downwards", "core/src/images/upwards.ts", 'export * from "@slimsr/upscaler/internal/tiling/tiles.js";'],
  ["packages-downwards", "upscaler/src/node/upwards.ts", 'export * from "slimsr";'],
  ["nothing-of-node", "core/src/images/node.ts", 'export { readFileSync } from "node:fs";'],
  ["nothing-of-node", "upscaler/src/tiling/node.ts", 'export { join } from "path";'],
  ["page-of-upscaler", "page/src/worker/slim.ts", 'export * from "slimsr";'],
  ["one-place-for-engines", "slimsr/src/engine/own.ts", 'export type { Tensor } from "onnxruntime-node";'],
  ["one-place-for-engines", "upscaler/test/engine.ts", 'export * from "onnxruntime-node";'],
  ["declared-dependencies", "core/src/images/undeclared.ts", 'export { default } from "sharp";'],
  ["light-start", "slimsr/src/cli/main.ts", 'import { slimCommand } from "./slim.js";'],
  ["resolvable", "slimsr/src/images/hidden.ts", 'export * from "@slimsr/core/dist/errors.js";'],
] as const;

/** Files that use what a platform has. */
const STRANGERS = [
  ["core/src/images/buffer.ts", "export const bytes = Buffer.from([1]);"],
  ["core/src/images/process.ts", "export const platform = process.platform;"],
  ["core/src/images/document.ts", 'export const canvas = document.createElement("canvas");'],
  ["upscaler/src/engine/window.ts", "export const width = window.innerWidth;"],
] as const;

/** A copy of the packages' sources in which some files are added. */
function copyWith(files: Readonly<Record<string, string>>): string {
  const copy = mkdtempSync(join(tmpdir(), "slimsr-walls-"));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  for (const file of ["package.json", ".dependency-cruiser.js", "tsconfig.base.json"]) {
    cpSync(join(ROOT, file), join(copy, file));
  }
  for (const folder of PACKAGES.map((name) => join("packages", name))) {
    const kept = readdirSync(join(ROOT, folder)).filter((name) => name === "src" || name.endsWith(".json"));
    for (const name of kept) cpSync(join(ROOT, folder, name), join(copy, folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  for (const [file, text] of Object.entries(files)) {
    const path = join(copy, "packages", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
  return copy;
}

async function cruise(root: string): Promise<Cruise> {
  const folders = PACKAGES.flatMap((name) =>
    readdirSync(join(root, "packages", name))
      .filter((folder) => /^(src|test)$/.test(folder))
      .map((folder) => `packages/${name}/${folder}`),
  );
  return JSON.parse(await run("depcruise", [...folders, "--output-type", "json"], root)) as Cruise;
}

/** What the program prints, whatever its exit status. */
const run = (program: string, args: readonly string[], cwd: string): Promise<string> =>
  new Promise((resolve) => {
    const path = join(ROOT, "node_modules/.bin", program);
    execFile(path, args, { cwd, maxBuffer: 2 ** 26 }, (_, stdout, stderr) => resolve(stdout + stderr));
  });
