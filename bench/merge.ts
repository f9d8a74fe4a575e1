/**
 * What merging linear stretches is worth (`slimsr export`): parameters, operations, time, PSNR and what changes within the border of networks as `slimsr convert` and as
 * `slimsr export` write them, which take turns: medians. EDSR ×2 with its weights, EDSR 16×64 ×4, RCAN ×2 and ×4 and ESRGAN of 6 blocks with random ones,
 * whose PSNR says nothing; with --model the networks of files alone.
 * Arguments: --model FILE (may be repeated), --data FOLDER (sets to measure PSNR on, may be repeated; inputs are made by bicubic where
 * none lie there), --side N (128; RCAN's are half: pixels along each side of the image that is timed), --threads N, --runs N (7), --json.
 */
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { deployable } from "../packages/core/src/export/deployable.js";
import { exportModel } from "../packages/core/src/export/onnx.js";
import { onnxDeployment } from "../packages/core/src/export/onnx-file.js";
import { elements } from "../packages/core/src/graph/index.js";
import { modelCost } from "../packages/core/src/model/cost.js";
import { imageNames, sizeFrom } from "../packages/core/src/model/descriptor.js";
import { type Model, networkModel } from "../packages/core/src/model/model.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes } from "../packages/core/src/networks/index.js";
import { initialParameters } from "../packages/core/src/networks/initialise.js";
import { settleModel } from "../packages/slimsr/src/calibration/settle-range.js";
import { openDataset } from "../packages/slimsr/src/datasets/dataset.js";
import { createSession } from "../packages/slimsr/src/engine/session.js";
import { contender } from "../packages/slimsr/src/evaluation/contender.js";
import { evaluate } from "../packages/slimsr/src/evaluation/evaluate.js";
import { loadModel } from "../packages/slimsr/src/files/models.js";
import { randomNumbers } from "../packages/slimsr/src/random.js";
import { operations, percent, whole } from "../packages/slimsr/src/text/numbers.js";
import { renderTable } from "../packages/slimsr/src/text/table.js";
import { float32, type Tensor } from "../packages/upscaler/src/engine/session.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    model: { type: "string", multiple: true, default: [] },
    data: { type: "string", multiple: true, default: [] },
    side: { type: "string", default: "128" },
    threads: { type: "string" },
    runs: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);

interface Case {
  readonly name: string;
  readonly model: Model;
  readonly isTrained: boolean;
  readonly side: number;
}

function random(name: string, network: NetworkOptions, side: number): Case {
  const model = networkModel(network, initialParameters(parameterShapes(network), randomNumbers(0)));
  return { name, model, isTrained: false, side };
}

async function fromFile(path: string): Promise<Case> {
  const { model } = await settleModel(await loadModel(path));
  return { name: basename(path), model, isTrained: true, side: Number(values.side) };
}

async function cases(): Promise<Case[]> {
  if (values.model.length > 0) return Promise.all(values.model.map(fromFile));
  const [side, common] = [Number(values.side), { features: 64, mean: DIV2K_MEAN, range: 255 } as const];
  const rcan = (scale: 2 | 4): NetworkOptions => ({
    ...common,
    ...{ architecture: "rcan", scale, groups: 10, blocks: 20, reduction: 16 },
  });
  const esrgan: NetworkOptions = { architecture: "rrdbnet", scale: 4, features: 64, growth: 32, blocks: 6, range: 1 };
  return [
    await fromFile(fileURLToPath(new URL("../assets/teachers/edsr_r8f64_x2.safetensors", import.meta.url))),
    random("EDSR 16×64 ×4", { architecture: "edsr", ...common, scale: 4, blocks: 16, resScale: 1 }, side),
    random("RCAN ×2", rcan(2), side / 2),
    random("RCAN ×4", rcan(4), side / 2),
    random("ESRGAN 6×64 ×4", esrgan, side / 2),
  ];
}

interface Row {
  readonly network: string;
  readonly as: "converted" | "exported";
  readonly parameters: number;
  readonly macs: number;
  /** Share of the operations before. */
  readonly share: number;
  readonly milliseconds: number;
  readonly border: number;
  /** The largest difference from the network as it was, in levels of 255, without that border. */
  readonly difference: number;
  /** By set, in dB: as the field measures it, and without leaving a border out. */
  readonly psnr: Readonly<Record<string, readonly [number, number]>>;
}

async function measure({ name, model, isTrained, side }: Case): Promise<Row[]> {
  const made = deployable(model);
  const files = [exportModel(model), made.onnx] as const;
  const { medians, difference } = await runInTurn(model, files, side, made.border);
  const psnr = isTrained ? await psnrOf(model, files) : [{}, {}];
  const before = modelCost(model);
  return (["converted", "exported"] as const).map((as, i) => {
    const { parameters, macs } = i === 0 ? before : made.cost;
    const share = macs / before.macs;
    return {
      ...{ network: name, as, parameters, macs, share, milliseconds: medians[i] as number },
      ...{ border: i === 0 ? 0 : made.border, difference: i === 0 ? 0 : difference, psnr: psnr[i] as Row["psnr"] },
    };
  });
}

/** Median times, and by how much the outputs differ within a border. */
async function runInTurn(
  { descriptor }: Model,
  files: readonly [Uint8Array, Uint8Array],
  side: number,
  border: number,
): Promise<{ medians: number[]; difference: number }> {
  const { height, width } = sizeFrom(descriptor.size, side);
  const shape = [1, descriptor.channels.input, height, width];
  const options = values.threads === undefined ? {} : { threads: Number(values.threads) };
  const sessions = await Promise.all(files.map((onnx) => createSession(onnx, options)));
  const { input, output } = imageNames(descriptor);
  const data = Float32Array.from({ length: elements(shape) }, (_, i) => ((i * 97) % 256) * (descriptor.range / 255));
  const times = files.map((): number[] => []);
  const outputs: Tensor[] = [];
  for (let run = 0; run <= runs; run++) {
    for (const [i, session] of sessions.entries()) {
      const result = await rested(() => session.run({ [input]: float32(data.slice(), shape) }));
      // The first run allocates.
      if (run > 0) times[i]?.push(result.milliseconds);
      outputs[i] = result.outputs[output] as Tensor;
    }
  }
  await Promise.all(sessions.map((session) => session.close()));
  return {
    medians: times.map(median),
    difference: differenceWithin(outputs as [Tensor, Tensor], border) * (255 / descriptor.range),
  };
}

function differenceWithin([one, other]: readonly [Tensor, Tensor], border: number): number {
  const [height = 0, width = 0] = one.shape.slice(2);
  const isWithin = (at: number, side: number) => at >= border && at < side - border;
  let most = 0;
  for (let i = 0; i < one.data.length; i++) {
    if (!isWithin(i % width, width) || !isWithin(Math.floor(i / width) % height, height)) continue;
    most = Math.max(most, Math.abs(Number(one.data[i]) - Number(other.data[i])));
  }
  return most;
}

async function psnrOf(model: Model, files: readonly Uint8Array[]): Promise<Row["psnr"][]> {
  const { scale, range } = model.descriptor;
  const sets = await Promise.all(values.data.map((path) => openDataset(path, { scale })));
  if (sets.length === 0) return files.map(() => ({}));
  const models = files.map((onnx, i) => contender(`${i}`, 1, onnxDeployment(`${i}.onnx`, onnx, { range })));
  const usual = await evaluate(models, sets, { bicubic: false });
  const all = await evaluate(models, sets, { bicubic: false, border: 0 });
  return models.map(({ name }) =>
    Object.fromEntries(
      sets.map(({ name: set }) => {
        const [within, entire] = [usual, all].map((rows) => rows.find((row) => row.model === name && row.set === set));
        return [set, [within?.psnr ?? Number.NaN, entire?.psnr ?? Number.NaN] as const];
      }),
    ),
  );
}

const rows: Row[] = [];
for (const each of await cases()) rows.push(...(await measure(each)));
if (values.json) {
  console.log(JSON.stringify(rows, null, 2));
} else {
  const sets = [...new Set(rows.flatMap(({ psnr }) => Object.keys(psnr)))];
  const db = (set: string, i: 0 | 1) => (row: Row) => row.psnr[set]?.[i] ?? null;
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; medians of ${runs} in turn`);
  console.log(
    renderTable<Row>(
      [
        { title: "network", value: ({ network }) => network },
        { title: "as", value: (row) => row.as },
        { title: "parameters", value: ({ parameters }) => parameters, show: whole },
        { title: "MACs", value: ({ macs }) => macs, show: operations },
        { title: "of before", value: ({ share }) => share, show: percent },
        { title: "ms", value: ({ milliseconds }) => milliseconds, show: (ms) => ms.toFixed(1) },
        { title: "border", value: ({ border }) => border },
        {
          title: "largest difference within",
          value: (row) => row.difference,
          show: (levels) => levels.toExponential(1),
        },
        ...sets.flatMap((set) => [
          { title: set, value: db(set, 0), show: (value: number) => value.toFixed(3) },
          { title: `${set}, no border out`, value: db(set, 1), show: (value: number) => value.toFixed(3) },
        ]),
      ],
      rows,
      "text",
    ),
  );
}
