import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, runSource } from "../../../../test/support/child.js";
import { writeAtomic } from "../../src/files/atomic.js";
import { temporaryFolder } from "../datasets/folders.js";

const WRITER = `import { writeAtomic } from "${ROOT}packages/slimsr/dist/files/atomic.js";`;

it("a process that is killed while it writes leaves what was there, and its beginning to the next one", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "file");
  await writeAtomic(path, "old");
  await writeFile(join(folder, ".mine.tmp"), "");
  const slow = `async function* slow() { yield "half"; console.log("half"); await new Promise(() => setInterval(() => {}, 1000)); }`;
  const source = `${WRITER} ${slow} await writeAtomic(${JSON.stringify(path)}, slow());`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source]);
  await once(child.stdout, "data");
  const next = (text: string) =>
    runSource(`${WRITER} await writeAtomic(${JSON.stringify(join(folder, text))}, "${text}")`);
  // While it is at work, others leave its file alone.
  expect((await next("other")).code).toBe(0);
  expect((await readdir(folder)).filter((name) => name.startsWith(".slimsr-"))).toHaveLength(1);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await readFile(path, "utf8")).toBe("old");
  expect((await next("third")).code).toBe(0);
  expect((await readdir(folder)).sort()).toEqual([".mine.tmp", "file", "other", "third"]);
});

it("processes that write into one folder at once don't take each other's files for leftovers", async () => {
  const folder = await temporaryFolder();
  const write = (name: number) =>
    runSource(
      `${WRITER} for (let i = 0; i < 100; i++) await writeAtomic(${JSON.stringify(folder)} + "/${name}-" + i, "x", { sync: false });`,
    );
  const ends = await Promise.all([0, 1, 2, 3].map(write));
  expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ends.map(() => [0, ""]));
  expect((await readdir(folder)).length).toBe(400);
});

it("names as long as the file system takes can be written", async () => {
  const path = join(await temporaryFolder(), "n".repeat(255));
  await writeAtomic(path, "whole");
  expect(await readFile(path, "utf8")).toBe("whole");
});
