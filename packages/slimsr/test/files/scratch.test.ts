import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, runSource } from "../../../../test/support/child.js";
import { temporaryFolder } from "../datasets/folders.js";

/** A product with 24 MB of constants, compiled. */
const COMPILE = `
import { writeFileSync } from "node:fs";
import { compile } from "${ROOT}packages/slimsr/dist/engine/compile.js";
import { scratchFolder } from "${ROOT}packages/slimsr/dist/files/scratch.js";
import { Graph } from "${ROOT}packages/core/dist/graph/index.js";
import { add } from "${ROOT}packages/core/dist/operators/index.js";
const graph = new Graph("large");
const size = 6e6;
graph.output("y", add(graph.constant(new Float32Array(size), [size]), graph.input("x", [])));
await (await compile(graph)).close();`;

it("what a killed process left in the temporary folder is gone when the next one begins, and no other's", async () => {
  const folder = await temporaryFolder();
  const env = { TMPDIR: folder };
  const left = async () => (await readdir(folder)).filter((name) => name.startsWith("slimsr-"));
  const start = async () => {
    const source = `${COMPILE} writeFileSync((await scratchFolder()) + "/model", "large"); console.log("made"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      env: { ...process.env, ...env },
    });
    await once(child.stdout, "data");
    return child;
  };
  const [killed, living] = [await start(), await start()];
  await mkdir(join(folder, "slimsr-mine"));
  expect(await left()).toHaveLength(3);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const next = await runSource(COMPILE, { env });
  expect(next.code, next.stderr).toBe(0);
  expect(await left()).toHaveLength(2);
  living.kill("SIGKILL");
  await once(living, "exit");
  await runSource(COMPILE, { env });
  expect(await left()).toEqual(["slimsr-mine"]);
});
