import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { IMAGES, journalOf, SHORT, slimsr, smallTeacher, stepsOf, temporaryFolder } from "./runs.js";

/** The names of runs that a process said something of. */
const saidOf = (stderr: string, what: string): string[] =>
  [...stderr.matchAll(/^run \d+ of \d+: (.*): ([^:\n]*)$/gm)].flatMap(([, run = "", said = ""]) =>
    said === what ? [run] : [],
  );

it("slimsr ablate --shard does every run once, and takes up one whose process was killed", {
  timeout: 300_000,
}, async () => {
  const folder = await temporaryFolder();
  const teacher = await smallTeacher(folder);
  const args = (out: string, steps: string) => [
    ...["ablate", "--teacher", teacher, ...SHORT, "--method", "slice,joint", "--seed", "0,1"],
    ...["--steps", steps, "--checkpoint-every", "1", "--out", join(folder, out)],
  ];
  const both = await Promise.all(["1/2", "2/2"].map((shard) => slimsr(...args("both", "8"), "--shard", shard)));
  for (const { code, stderr } of both) expect(code, stderr).toBe(0);
  // Where one was there first, the other says so after it meant to do it.
  const all = (what: string) => both.flatMap(({ stderr }) => saidOf(stderr, what));
  const held = all("another process is at work on it");
  for (const run of ["joint", "slice"].flatMap((method) =>
    [0, 1].map((seed) => `${method}, width 0.5, seed ${seed}`),
  )) {
    const times = (list: readonly string[]) => list.filter((each) => each === run).length;
    const meant = times(all("begins")) + times(all("is resumed"));
    expect(meant - times(held), run).toBe(1);
  }
  const report = await slimsr("ablate", "--out", join(folder, "both"), "--report", "--json");
  expect(report.code, report.stderr).toBe(0);
  expect(JSON.parse(report.stdout).rows.map(({ seeds }: { seeds: number }) => seeds)).toEqual([2, 2]);

  const killed = join(folder, "killed");
  const child = spawn(process.execPath, ["packages/slimsr/bin/slimsr.js", ...args("killed", "120"), "--shard", "1/2"], {
    cwd: ROOT,
    stdio: "ignore",
  });
  const hasBegun = () =>
    journalOf(join(killed, "slice-w0.5-s0")).then(
      (lines) => stepsOf(lines).length >= 3,
      () => false,
    );
  while (!(await hasBegun()) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGKILL");
  await once(child, "exit");
  const other = await slimsr(...args("killed", "120"), "--shard", "2/2");
  expect(other.code, other.stderr).toBe(0);
  expect(saidOf(other.stderr, "is resumed")).toEqual(["slice, width 0.5, seed 0"]);
  expect(saidOf(other.stderr, "begins")).toHaveLength(3);
  expect(stepsOf(await journalOf(join(killed, "slice-w0.5-s0")))).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
});

it("slimsr prepare, evaluate and upscale take a part of the images", { timeout: 120_000 }, async () => {
  const folder = await temporaryFolder();
  const names = (path: string) => readdir(join(folder, path)).then((list) => list.sort());
  const out = join(folder, "set");
  const prepared = ["prepare", "--hr", IMAGES, "--scale", "2", "--out", out];
  for (const shard of ["1/2", "2/2"]) expect((await slimsr(...prepared, "--shard", shard)).code).toBe(0);
  const all = await names("set/HR");
  expect(all.length).toBeGreaterThan(2);
  expect(await names("set/LR_bicubic/X2")).toHaveLength(all.length);

  const evaluate = ["evaluate", "--model", await smallTeacher(folder), "--data", out, "--images", "--json"];
  const parts = await Promise.all(["1/2", "2/2"].map((shard) => slimsr(...evaluate, "--shard", shard)));
  const rows = parts.map(({ stdout }) => JSON.parse(stdout)[0] as { set: string; images: { image: string }[] });
  expect(rows.map(({ set }) => set)).toEqual(["set, part 1 of 2", "set, part 2 of 2"]);
  expect(rows.flatMap(({ images }) => images.map(({ image }) => `${image}.png`)).sort()).toEqual(all);
  expect((await slimsr(...evaluate, "--shard", "9/9")).stderr).toContain("choose fewer parts");

  const large = join(folder, "large/");
  const upscale = ["upscale", join(out, "HR"), "-o", large, "--quality", "0.25", "--shard"];
  for (const shard of ["2/2", "1/2"]) expect((await slimsr(...upscale, shard)).code).toBe(0);
  expect(await names("large")).toEqual(all);
  expect((await slimsr(...upscale, "3/2")).code).toBe(2);
});
