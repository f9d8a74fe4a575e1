import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { nearest } from "../runs/nearest.js";
import { SHORT, slimsr, smallTeacher, temporaryFolder } from "./runs.js";

it("slimsr ablate compares methods, reuses what is done and refuses other settings", { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const teacher = await smallTeacher(folder);
  const out = join(folder, "ablation");
  const args = [
    "ablate",
    "--teacher",
    teacher,
    ...SHORT,
    "--method",
    "slice,joint",
    "--seed",
    "0,1",
    "--out",
    out,
    "--json",
  ];
  const first = await slimsr(...args, "--steps", "4");
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr.match(/: begins/g)).toHaveLength(4);
  const { rows, references } = JSON.parse(first.stdout);
  expect(rows.map(({ method, seeds, steps }: Record<string, unknown>) => [method, seeds, steps])).toEqual([
    ["slice", 2, 4],
    ["joint", 2, 4],
  ]);
  const psnr = await Promise.all(
    [0, 1].map(async (seed) => {
      const result = JSON.parse(await readFile(join(out, `slice-w0.5-s${seed}`, "result.json"), "utf8"));
      return result.rows.find(({ model }: { model: string }) => model === "student").psnr as number;
    }),
  );
  const [a, b] = psnr as [number, number];
  expect(rows[0].scores[0].psnr.mean).toBeCloseTo((a + b) / 2, 6);
  expect(rows[0].scores[0].psnr.spread).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 6);
  expect(rows[0].teacherDrift).toBeNull();
  expect(Math.abs(rows[1].teacherDrift)).toBeGreaterThan(0);
  expect(references.map(({ label }: { label: string }) => label)).toEqual(["bicubic", "teacher before"]);
  expect((await stat(join(out, "comparison.html"))).size).toBeGreaterThan(1000);

  await rm(join(out, "slice-w0.5-s1", "result.json"));
  const second = await slimsr(...args, "--steps", "4");
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr.match(/is done already/g)).toHaveLength(3);
  expect(second.stderr.match(/is resumed/g)).toHaveLength(1);
  expect(JSON.parse(second.stdout).rows).toEqual(
    rows.map((row: { scores: object[] }) => {
      const scores = row.scores.map((score) => ({ ...score, milliseconds: expect.any(Number) }));
      return expect.objectContaining({ ...row, scores, secondsPerStep: expect.any(Number) });
    }),
  );

  const finished = [...args.slice(0, -1), "--steps", "4"];
  const csv = await slimsr(...finished, "--csv");
  const [head, ...lines] = csv.stdout.trim().split("\n");
  expect(head).toBe(
    "method,width,steps,seeds,images ×2 PSNR,images ×2 PSNR ±,images ×2 SSIM,images ×2 SSIM ±," +
      "validation at start,validation at start ±,validation at best,validation at best ±,s/step,teacher drift,learns from,apart in",
  );
  expect(lines.map((line) => line.split(",").slice(0, 5))).toEqual([
    ["bicubic", "", "", "", String(references[0].scores[0].psnr.mean)],
    ["teacher before", "", "", "", String(references[1].scores[0].psnr.mean)],
    ["slice", "0.5", "4", "2", String(rows[0].scores[0].psnr.mean)],
    ["joint", "0.5", "4", "2", String(rows[1].scores[0].psnr.mean)],
  ]);
  expect((await slimsr(...finished, "--markdown")).stdout).toMatch(
    /^\| method \| width .*\n\| --- \| ---: .*\n\| bicubic /,
  );
  expect((await slimsr(...finished, "--latex")).stdout).toMatch(
    /^\\begin\{tabular\}\{lrrr.*\n\\hline\nmethod & width /,
  );
  expect((await slimsr(...finished, "--latex", "--csv")).code).not.toBe(0);
  const run = await slimsr("compress", "--resume", join(out, "slice-w0.5-s0"), "--csv");
  expect(run.stdout).toMatch(
    /^set,model,width,scale,PSNR,.*\nimages,bicubic,.*\nimages,teacher before,.*\nimages,student,0.5,.*\n$/,
  );
  expect(run.stderr).toContain("best validation: ");
  const page = await readFile(join(out, "comparison.html"), "utf8");
  expect(page).toContain('href="slice-w0.5-s1/report.html"');
  expect(rows[0]).toMatchObject({ objective: "L1", validation: { start: { mean: expect.any(Number) } } });

  const wider = await slimsr(
    ...args.map((each) => (each === "slice,joint" ? "scratch" : each === "0,1" ? "0" : each)),
    "--steps",
    "4",
  );
  expect(wider.code, wider.stderr).toBe(0);
  expect(JSON.parse(wider.stdout).rows.map(({ method, seeds }: Record<string, unknown>) => [method, seeds])).toEqual([
    ["scratch", 1],
    ["joint", 2],
    ["slice", 2],
  ]);

  const other = await slimsr(...args, "--steps", "5");
  expect(other.code).toBe(1);
  expect(other.stderr).toContain("holds a run with another steps (4, now 5)");
});

it("slimsr ablate compares variants, and says in what each is apart", { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const teacher = await smallTeacher(folder);
  const file = join(folder, "variants.json");
  const variants = (value: unknown) => writeFile(file, JSON.stringify(value));
  const args = ["ablate", "--teacher", teacher, ...SHORT, "--steps", "2", "--out", join(folder, "out"), "--json"];
  const compare = (...more: string[]) => slimsr(...args, "--variants", file, ...more);
  await variants({
    kd: { method: "kd" },
    "kd-3": { method: "kd", steps: 3 },
    fast: { method: "kd", learningRate: 2e-3 },
  });
  const first = await compare();
  expect(first.code, first.stderr).toBe(0);
  const { rows, title, settings } = JSON.parse(first.stdout);
  // What none of the rows looks at isn't listed.
  expect(Object.keys(settings)).not.toContain("negatives");
  const parts = (row: Record<string, unknown>) => [row.name, row.method, row.steps, row.differing];
  const learningRate = 2e-3;
  expect(rows.map(parts)).toEqual([
    ["kd", "kd", 2, {}],
    ["kd-3", "kd", 3, {}],
    ["fast", "kd", 2, { learningRate }],
  ]);
  expect(title).toBe("Methods compared");
  expect(settings.learningRate).toBe(1e-3);

  await variants({ slice: { method: "slice" } });
  const second = await slimsr(...args.slice(0, -1), "--variants", file);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout).toMatch(/^slice .*\nfast .*kd; learningRate 0.002\nkd-3 .*\nkd /m);

  await variants({ good: { method: "slice", steps: 3 }, bad: { method: "slice", patch: 500 } });
  const late = await compare();
  expect(late.code).toBe(1);
  expect(late.stderr).toContain("smaller than a patch of 500×500");
  expect(await stat(join(folder, "out", "good-w0.5-s0")).catch(() => undefined)).toBeUndefined();

  for (const [value, complaint] of [
    [{ kd: { method: "kd", rate: 1 } }, `${file}: kd: unknown key rate`],
    [{ kd: { method: "kd", seed: 1 } }, "kd sets seed; --seed has those of all variants"],
    [{ "../kd": { method: "kd" } }, `"../kd" can't name a folder`],
    [{ kd: 1 }, "kd must be an object of settings"],
    [{}, "names no variant"],
    [[], "it is no object"],
  ] as const) {
    await variants(value);
    const refused = await compare();
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(complaint);
  }
  expect((await compare("--method", "kd")).stderr).toContain("cannot be used with option '--method");
});

it("slimsr ablate compares methods within a budget", { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const args = [
    "ablate",
    "--teacher",
    await smallTeacher(folder),
    ...SHORT,
    "--steps",
    "2",
    "--method",
    "slice,scratch",
  ];
  const out = join(folder, "out");
  const compare = (...more: string[]) => slimsr(...args, "--out", out, "--json", ...more);
  const first = await compare("--macs", "40%");
  expect(first.code, first.stderr).toBe(0);
  const { rows, settings } = JSON.parse(first.stdout);
  expect(settings).toMatchObject({ macs: "40%" });
  const [{ width }] = rows;
  expect(width).toBeGreaterThan(0);
  expect(width).toBeLessThan(1);
  expect(rows.map((row: Record<string, unknown>) => [row.method, row.width, row.seeds])).toEqual([
    ["slice", width, 1],
    ["scratch", width, 1],
  ]);
  expect((await stat(join(out, "scratch-macs40%-s0", "result.json"))).isFile()).toBe(true);
  // Runs of other sizes in the folder are compared too.
  const second = await compare("--width", "0.5");
  expect(second.code, second.stderr).toBe(0);
  expect(JSON.parse(second.stdout).rows.map((row: Record<string, unknown>) => row.width)).toEqual([
    0.5,
    0.5,
    width,
    width,
  ]);
  expect((await compare("--macs", "40%")).stderr.match(/is done already/g)).toHaveLength(2);
  expect((await compare("--macs", "40%", "--width", "0.5")).stderr).toContain("cannot be used with option '--width");
  expect((await compare("--ms", "40")).stderr).toContain("unknown option '--ms'");
  const variants = join(folder, "variants.json");
  for (const [wrong, message] of [
    [{ budget: "4x" }, "sets budget; --budget has those of all variants"],
    [{ ms: 30 }, "by which each run would choose channels of its own; use --macs"],
  ] as const) {
    await writeFile(variants, JSON.stringify({ one: wrong }));
    const { stderr } = await slimsr(...args.slice(0, -2), "--out", out, "--variants", variants);
    expect(stderr).toContain(message);
  }
});

it("slimsr ablate compares what tutors teach", { timeout: 300_000 }, async () => {
  const folder = await temporaryFolder();
  const [variants, tutor, out] = ["variants.json", "nearest.onnx", "out"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(tutor, nearest(255));
  await writeFile(variants, JSON.stringify({ kd: { method: "kd" }, taught: { method: "kd", tutor: [tutor] } }));
  const args = ["ablate", "--teacher", await smallTeacher(folder), ...SHORT, "--steps", "2", "--json"];
  const run = await slimsr(...args, "--out", out, "--variants", variants);
  expect(run.code, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout).rows.map(({ objective }: { objective: string }) => objective)).toEqual([
    "L1 + L1 to the teacher; frozen teacher",
    "L1 + L1 to the tutor; tutor nearest.onnx",
  ]);
  const refused = await slimsr(...args, "--out", `${out}-2`, "--method", "kd,slice", "--tutor", tutor);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("tutor is given, but students of method slice learn no other network's output");
});
