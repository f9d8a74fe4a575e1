import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Project } from "../support/packed.js";

/** What runs JavaScript outside browsers. */
export interface Runtime {
  readonly name: string;
  /** The program, and what stands before the name of a module's file. */
  readonly command: readonly [string, ...string[]];
}

const NODE_VERSIONS = ["20", "22", "24"];
const { platform, arch } = process;
/** Node's own file, as its package for each system has it: the package `node` fetches that one by a script. */
const nodePackage = (version: string) =>
  `node${version}@npm:node-${platform === "win32" ? "win" : platform}-${arch}@${version}`;

/** Installs them from npm's registry, of which no script is run: their files lie in packages for each system. */
export async function installRuntimes(project: Project): Promise<Runtime[]> {
  await project.install([], [...NODE_VERSIONS.map(nodePackage), "deno", "bun"]);
  const modules = join(project.folder, "node_modules");
  return [
    ...NODE_VERSIONS.map(
      (version): Runtime => ({ name: `Node ${version}`, command: [join(modules, `node${version}`, "bin/node")] }),
    ),
    { name: "Deno", command: [await firstOf(join(modules, "@deno"), "deno"), "run", "--allow-all"] },
    { name: "Bun", command: [await firstOf(join(modules, "@oven"), "bin/bun")] },
  ];
}

/** A file of the only package in a scope's folder that has it. */
async function firstOf(scope: string, file: string): Promise<string> {
  for (const name of await readdir(scope)) {
    const path = join(scope, name, file);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new Error(`no package in ${scope} has ${file}`);
}
