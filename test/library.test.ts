import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "./support/child.js";

const TEXT = readFileSync(join(ROOT, "docs/library.md"), "utf8");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const EXAMPLES = [...`${README}${TEXT}`.matchAll(/^```js\n(.*?)^```/gms)].map(([, source]) => source as string);

/** Every name that a package's declarations export. */
function publicNames(declarations: string): string[] {
  const source = readFileSync(join(ROOT, declarations), "utf8");
  const lists = [...source.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
    (list as string).split(","),
  );
  const wholes = [...source.matchAll(/export \* from "\.\/(.*?)\.js"/g)].flatMap(([, file]) =>
    [
      ...readFileSync(join(ROOT, declarations, "..", `${file}.d.ts`), "utf8").matchAll(
        /^export declare (?:const|function|class) (\w+)|^export (?:interface|type) (\w+)/gm,
      ),
    ].map(([, value, type]) => value ?? (type as string)),
  );
  return [...lists.map((name) => name.trim().replace(/^type /, "")), ...wholes].filter((name) => name !== "");
}

describe("the public names", () => {
  it.each([
    ["core", ["index"]],
    ["upscaler", ["index", "node/index", "web/index"]],
    ["slimsr", ["index"]],
  ])("of %s are few, and each is in the library's page", (name, files) => {
    const names = files.flatMap((file) => publicNames(`packages/${name}/dist/${file}.d.ts`));
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBeLessThanOrEqual(40);
    expect(names.filter((each) => !new RegExp(`\\b${each}\\b`).test(TEXT))).toEqual([]);
  });
});

describe("the library's examples, README's before them,", () => {
  it("run as they stand, one after another, and print what they say", { timeout: 240_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "slimsr-library-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    for (const name of ["assets", "node_modules"]) await symlink(join(ROOT, name), join(folder, name));
    expect(EXAMPLES.length).toBeGreaterThan(5);
    for (const source of EXAMPLES) {
      const program = ["--input-type=module", "--eval", source];
      const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: folder });
      const promised = [...source.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text as string);
      for (const text of promised) expect(stdout).toContain(text.replace(/…$/, ""));
    }
  });
});
