/**
 * How far models' images are from the ground truth in VGG19's feature space: Σ_j w_j · mean |φ_j(SR) − φ_j(HR)| over CSD's taps and
 * weights, relative to bicubic's; means over a set's images. Beside PSNR it shows what a contrastive loss does.
 * Arguments: --model FILE... (checkpoints or ONNX), --data FOLDER (may be repeated), --vgg FILE (embedded, 8 bits).
 */
import { Graph } from "../packages/core/src/graph/index.js";
import { resizeBicubic } from "../packages/core/src/images/bicubic.js";
import { to8Bit } from "../packages/core/src/images/image.js";
import { imageFromPlanes, rgbPlanes } from "../packages/core/src/images/planes.js";
import { vgg19 } from "../packages/core/src/networks/index.js";
import { TAP_WEIGHTS } from "../packages/core/src/objectives/contrastive.js";
import { l1 } from "../packages/core/src/objectives/reconstruction.js";
import { mul, sum } from "../packages/core/src/operators/index.js";
import { EMBEDDED_VGG19 } from "../packages/slimsr/src/assets.js";
import { openDataset } from "../packages/slimsr/src/datasets/dataset.js";
import { savedLabel } from "../packages/slimsr/src/evaluation/evaluate.js";
import { loadContenders } from "../packages/slimsr/src/evaluation/load.js";
import { loadVgg19 } from "../packages/slimsr/src/files/checkpoints.js";
import { renderTable } from "../packages/slimsr/src/text/table.js";
import { float32 } from "../packages/upscaler/src/engine/session.js";
import { createSession } from "../packages/upscaler/src/node/session.js";
import { TiledNetwork } from "../packages/upscaler/src/tiling/tiled-network.js";
import { scriptArguments } from "../test/support/arguments.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    model: { type: "string", multiple: true, default: [] },
    data: { type: "string", multiple: true, default: [] },
    vgg: { type: "string", default: EMBEDDED_VGG19 },
  },
});
const weights = await loadVgg19(values.vgg);

/** Yields the distance of images [1, 3, H, W] from a truth of that shape. */
async function distancesFrom(truth: Float32Array, shape: readonly number[]) {
  const graph = new Graph("distance");
  const features = vgg19(graph, weights);
  const [left, right] = [features(graph.input("a", shape)), features(graph.input("b", shape))];
  graph.output("distance", sum(left.map((tap, j) => mul(l1(tap, right[j] as typeof tap), TAP_WEIGHTS[j] as number))));
  const session = await createSession(graph);
  return {
    of: async (image: Float32Array): Promise<number> => {
      const { outputs } = await session.run({ a: float32(image, shape), b: float32(truth, shape) });
      return Number((outputs.distance as { data: Float32Array }).data[0]);
    },
    close: () => session.close(),
  };
}

const loaded = await Promise.all(
  values.model.map(async (file) => (await loadContenders(file)).map((model) => ({ ...model, name: file }))),
);
const models = loaded.flat();
const scale = models[0]?.scale ?? 2;
const rows: { set: string; model: string; relative: number }[] = [];
for (const path of values.data) {
  const set = await openDataset(path, { scale });
  const totals = new Map<string, number>();
  const add = (name: string, value: number) => totals.set(name, (totals.get(name) ?? 0) + value / set.pairs.length);
  const runners = await Promise.all(
    models.map(async (model) => ({
      label: savedLabel(model),
      upscaler: await TiledNetwork.open(model, createSession, { name: model.name }),
    })),
  );
  for (const pair of set.pairs) {
    const [lr, hr] = [await pair.lr(), await pair.hr()];
    const shape = [1, 3, hr.height, hr.width];
    const distances = await distancesFrom(rgbPlanes(hr), shape);
    const bicubic = await distances.of(rgbPlanes(resizeBicubic(to8Bit(lr), scale)));
    for (const { label, upscaler } of runners) {
      const data = rgbPlanes(lr) as Float32Array<ArrayBuffer>;
      const { planes } = await upscaler.upscale({ width: lr.width, height: lr.height, data });
      const image = imageFromPlanes(planes.data, hr.width, hr.height);
      add(label, (await distances.of(rgbPlanes(image))) / bicubic);
    }
    await distances.close();
  }
  await Promise.all(runners.map(({ upscaler }) => upscaler.close()));
  for (const [model, relative] of totals) rows.push({ set: set.name, model, relative });
}
const columns = [
  { title: "set", value: (row: (typeof rows)[number]) => row.set },
  { title: "model", value: (row: (typeof rows)[number]) => row.model },
  {
    title: "VGG distance / bicubic's",
    value: (row: (typeof rows)[number]) => row.relative,
    show: (x: number) => x.toFixed(4),
  },
];
process.stdout.write(renderTable(columns, rows, "text"));
