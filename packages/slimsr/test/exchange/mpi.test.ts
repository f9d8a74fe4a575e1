import { expect, it } from "vitest";
import { ROOT, runNode } from "../../../../test/support/child.js";
import { MPIS, type Mpi, startRanks } from "../../../../test/support/mpi.js";
import { describeWith } from "../../../../test/support/requirement.js";

const DIST = `file://${ROOT}packages/slimsr/dist`;
const IMPORTS = `
  const { openExchange } = await import("${DIST}/exchange/open.js");
  const { onFirst, firstHereFirst } = await import("${DIST}/exchange/exchange.js");`;

const script = (source: string): string[] => ["--input-type=module", "-e", `${IMPORTS}\n${source}`];

const HIDE_KOFFI = `data:text/javascript,${encodeURIComponent(
  `import { register } from "node:module";
   register("data:text/javascript," + encodeURIComponent(
     'export const resolve = (name, context, next) => { if (name === "koffi") throw new Error("not there"); return next(name, context); }'));`,
)}`;

/** What each rank printed as JSON, by rank. */
const printed = <T extends { rank: number }>(stdout: string): T[] =>
  (
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)) as T[]
  ).sort((a, b) => a.rank - b.rank);

const EXCHANGES = `
  const exchange = await openExchange();
  const { rank, size } = exchange;
  const small = new Float32Array([rank + 1, 0.5]);
  await exchange.sum(small);
  const exact = new Float64Array(10_000).fill(0.1 + rank);
  await exchange.sum(exact);
  const said = await onFirst(exchange, async () => ({ text: "wörld", psnr: Infinity, rank }));
  const order = [];
  await firstHereFirst(exchange, async () => order.push(exchange.isFirstHere));
  const end = await exchange.leave(false);
  console.log(JSON.stringify({ rank, size, small: [...small], exact: [exact[0], exact[9_999]], text: said.text,
    isInfinite: said.psnr === Infinity, from: said.rank, first: exchange.isFirstHere, threads: exchange.threads, end }));`;

/** Fifty steps of a small network; each rank has its part of the same batches. */
const TRAINS = `
  const { Trainer, initialState } = await import("${DIST}/training/trainer.js");
  const { shareOf } = await import("${DIST}/training/share.js");
  const { packParameters } = await import("@slimsr/core/internal/model/flat.js");
  const { learnedShapes } = await import("${DIST}/training/learners.js");
  const { randomNumbers } = await import("${DIST}/random.js");
  const { networkModel } = await import("@slimsr/core/internal/model/model.js");
  const { initialParameters, parameterShapes } = await import("@slimsr/core/internal/networks/index.js");
  const { ADAM_DEFAULTS } = await import("@slimsr/core/internal/optimisers/adam.js");
  const { createHash } = await import("node:crypto");
  const exchange = await openExchange();
  const network = { architecture: "edsr", scale: 2, features: 8, blocks: 1, resScale: 1, mean: [114, 111, 103], range: 255 };
  const parameters = initialParameters(parameterShapes(network), randomNumbers(1));
  const model = networkModel(network, parameters);
  const batch = 5;
  const { samples, weight } = shareOf({ batch, accumulate: 1, isContrasted: false }, exchange);
  const options = { model, widths: [0.5], split: "aligned", teacher: "none", batch: samples.count, patch: [8, 8], accumulate: 1,
    adam: ADAM_DEFAULTS, averageDecay: 0.9, session: { threads: 1, spinning: false } };
  const shapes = learnedShapes(options);
  const state = initialState(packParameters(initialParameters(shapes, randomNumbers(2)), shapes), true);
  const trainer = await Trainer.compile(options, state, { exchange, weight });
  const images = (seed, each) => {
    const random = randomNumbers(seed);
    const all = Float32Array.from({ length: batch * each }, () => Math.floor(256 * random()));
    return all.slice(samples.first * each, (samples.first + samples.count) * each);
  };
  const losses = [];
  const schedule = { learningRate: 1e-3, teacherWeight: 0, anchorWeight: 0, distillationWeight: 0, attentionWeight: 0, contrastiveWeight: 0 };
  for (let step = 0; step < 50; step++) {
    const isLast = step === 49;
    const { loss } = await trainer.step([{ lr: images(step, 192), hr: images(1000 + step, 768) }], schedule, isLast && exchange.rank === exchange.size - 1);
    losses.push(loss);
  }
  const isStopping = trainer.isStopping;
  await trainer.close();
  await exchange.leave(false);
  const digest = createHash("sha256").update(state.parameters).update(state.first).update(state.second).update(state.average).digest("hex");
  console.log(JSON.stringify({ rank: exchange.rank, losses, digest, isStopping }));`;

interface Trained {
  rank: number;
  losses: number[];
  digest: string;
  isStopping: boolean;
}

const alone = runNode(script(TRAINS));

for (const mpi of Object.keys(MPIS) as Mpi[]) {
  describeWith(MPIS[mpi], `ranks of ${mpi}`, () => {
    const ranksOf = async (ranks: number, source: string) => {
      const finished = await startRanks(mpi, ranks, script(source)).finished;
      expect(finished.code, finished.stderr).toBe(0);
      return finished.stdout;
    };

    it("add, hand on and wait for one another", { timeout: 120_000 }, async () => {
      const all = printed<Record<string, unknown> & { rank: number }>(await ranksOf(3, EXCHANGES));
      const common = { size: 3, small: [6, 1.5], text: "wörld", isInfinite: true, from: 0, end: "ended", threads: 1 };
      const sum = expect.closeTo(3.3, 12);
      expect(all).toEqual(
        [0, 1, 2].map((rank) => ({
          rank,
          ...common,
          exact: [sum, sum],
          first: rank === 0,
          threads: expect.any(Number),
        })),
      );
    });

    it("train as one process does, and to the same bytes each time", { timeout: 240_000 }, async () => {
      const [one] = printed<Trained>((await alone).stdout) as [Trained];
      expect(one.losses[49]).toBeLessThan(one.losses[0] as number);
      for (const ranks of [2, 4]) {
        const all = printed<Trained>(await ranksOf(ranks, TRAINS));
        expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
        expect(all.every(({ isStopping }) => isStopping)).toBe(true);
        for (const [step, loss] of one.losses.entries()) {
          expect(Math.abs((all[0]?.losses[step] as number) / loss - 1), `step ${step}`).toBeLessThan(1e-4);
        }
        if (ranks === 2) expect(printed<Trained>(await ranksOf(2, TRAINS))).toEqual(all);
      }
    });
  });
}

describeWith(MPIS.MPICH, "a process that a launcher started", () => {
  const cli = [
    "packages/slimsr/bin/slimsr.js",
    "compress",
    "--teacher",
    "t",
    "--train",
    "i",
    "--val",
    "i",
    "--out",
    "o",
  ];

  it("says what to install where koffi isn't there", async () => {
    const { code, stderr } = await runNode(["--import", HIDE_KOFFI, ...cli], { env: { OMPI_COMM_WORLD_SIZE: "4" } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^slimsr: mpirun of Open MPI started this process as one of several.*npm install koffi/m);
  });

  it("doesn't take itself for the only one where MPI finds no others", async () => {
    const { code, stderr } = await runNode(cli, {
      env: { SLURM_STEP_NUM_TASKS: "4", PMI_RANK: "0", SLURM_PROCID: "0" },
    });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/srun started 4 processes, but libmpi\S* finds 1: .*srun --mpi=pmix/);
  });

  it("refuses commands that would be done several times", async () => {
    const args = ["packages/slimsr/bin/slimsr.js", "export", "model.onnx"];
    const { code, stderr } = await runNode(args, { env: { PMI_SIZE: "4" } });
    expect(code).toBe(2);
    expect(stderr).toContain("slimsr export is done by one, and each would do all of it");
  });
});
