import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./child.js";

/** The packages' folders. */
export const NAMES = ["core", "upscaler", "slimsr"];

export interface Packed {
  readonly name: string;
  readonly filename: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly files: readonly { path: string }[];
}

/** An empty project, beside the packages as they would be published. */
export interface Project {
  readonly folder: string;
  readonly packed: readonly Packed[];
  /** Runs npm in the project, with no scripts; yields what it prints. */
  npm(...args: string[]): Promise<string>;
  /** Installs what was packed, by the packages' names, and others by their names in the registry. */
  install(names: readonly string[], others?: readonly string[]): Promise<void>;
  /** Runs a program in the project; yields what it prints. */
  run(program: string, ...args: string[]): Promise<string>;
  remove(): void;
}

const execute = promisify(execFile);

export async function packedProject(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), "slimsr-package-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const run = async (program: string, ...args: string[]) => (await execute(program, args, { cwd: folder })).stdout;
  const npm = (...args: string[]) =>
    run("npm", ...args, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline");
  const packed = JSON.parse(await npm("pack", "--json", ...NAMES.map((name) => join(ROOT, "packages", name))));
  return {
    ...{ folder, packed, npm, run },
    install: async (names, others = []) => {
      const files = (packed as Packed[]).filter(({ name }) => names.includes(name));
      await npm("install", ...files.map(({ filename }) => join(folder, filename)), ...others);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
