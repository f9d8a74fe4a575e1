/**
 * Makes assets/vgg19 out of VGG19's float weights, and measures what 8 bits do to features, distances, loss and gradient:
 *   npx tsx scripts/quantise-vgg19.ts vgg19.safetensors
 */
import { readFile } from "node:fs/promises";
import { readState } from "../packages/core/src/checkpoints/checkpoint.js";
import { quantise, SCALE_SUFFIX } from "../packages/core/src/checkpoints/quantised.js";
import { writeSafetensors } from "../packages/core/src/checkpoints/safetensors.js";
import type { Int8Tensor, StateTensor } from "../packages/core/src/checkpoints/state.js";
import { differentiate } from "../packages/core/src/differentiate/index.js";
import { Graph, type Shape, type Value } from "../packages/core/src/graph/index.js";
import { buildNetwork, TAPS, type Vgg19Weights, vgg19 } from "../packages/core/src/networks/index.js";
import { contrastiveLoss } from "../packages/core/src/objectives/contrastive.js";
import { bicubicNegatives } from "../packages/core/src/objectives/negatives.js";
import { concat, slice } from "../packages/core/src/operators/index.js";
import { EMBEDDED_VGG19 } from "../packages/slimsr/src/assets.js";
import { calibrationPatches } from "../packages/slimsr/src/calibration/patches.js";
import { compile } from "../packages/slimsr/src/engine/compile.js";
import { writeAtomic } from "../packages/slimsr/src/files/atomic.js";
import { loadCheckpoint, loadVgg19 } from "../packages/slimsr/src/files/checkpoints.js";
import { float32, type Tensors } from "../packages/upscaler/src/engine/session.js";

const TEACHER = "assets/teachers/edsr_r8f64_x2.safetensors";
const IMAGES = "assets/held-out/Kodak";
const [BATCH, NEGATIVES, PATCH] = [20, 4, 24];

const source = process.argv[2];
if (!source) throw new Error("usage: npx tsx scripts/quantise-vgg19.ts VGG19.safetensors");
await writeAtomic(EMBEDDED_VGG19, await embedded(source));

const { network, parameters } = await loadCheckpoint(TEACHER);
const patches = await calibrationPatches(IMAGES, { scale: network.scale, count: BATCH + NEGATIVES, side: PATCH });
const teacher = new Graph("teacher");
const lr = teacher.input("lr", [BATCH + NEGATIVES, 3, PATCH, PATCH]);
const enlarged = buildNetwork(network, lr, (name) => {
  const { data, shape } = parameters.get(name) as StateTensor;
  return teacher.constant(data, shape);
});
teacher.output("teacher", slice(enlarged, [{ axis: 0, start: 0, end: BATCH }]));
const negatives = slice(lr, [{ axis: 0, start: BATCH, end: BATCH + NEGATIVES }]);
teacher.output("negatives", bicubicNegatives(negatives, network.scale));
// Stands for a student: what bicubic enlargement makes of the same patches, a quarter of the way from the teacher's.
const bicubic = bicubicNegatives(slice(lr, [{ axis: 0, start: 0, end: BATCH }]), network.scale);
teacher.output("bicubic", bicubic);
const images = await run(teacher, { lr: float32(patches.data, lr.shape) });
const blend = (images.teacher as Float32Array).map((value, i) => value * 0.75 + (images.bicubic?.[i] ?? 0) * 0.25);

const [exact, int8] = [await features(await loadVgg19(source)), await features(await loadVgg19(EMBEDDED_VGG19))];
const figures = Object.keys(exact).map((name) => {
  const [a, b] = [exact[name] as Float32Array, int8[name] as Float32Array];
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return { name, "relative error": (norm(a.map((value, i) => value - (b[i] as number))) / norm(a)).toPrecision(3) };
});
console.table(figures);

async function embedded(path: string): Promise<Uint8Array> {
  const { metadata } = readState(await readFile(path), path);
  const tensors = new Map<string, StateTensor | Int8Tensor>();
  const { convolutions } = await loadVgg19(path);
  const names = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28].map((index) => `features.${index}`);
  convolutions.forEach(({ weight, bias }, i) => {
    const { int8, scales } = quantise({ dtype: "float32", ...weight });
    tensors.set(`${names[i]}.weight${SCALE_SUFFIX}`, scales);
    tensors.set(`${names[i]}.bias`, { dtype: "float32", ...bias });
    tensors.set(`${names[i]}.weight`, int8);
  });
  return writeSafetensors(tensors, { ...metadata, quantisation: "int8, symmetric, one scale per output channel" });
}

/** Features of the teacher's images; distances, loss and its gradient of the student's. */
async function features(weights: Vgg19Weights): Promise<Record<string, Float32Array>> {
  const graph = new Graph("vgg");
  const shape: Shape = [BATCH, 3, PATCH * network.scale, PATCH * network.scale];
  const student = graph.input("student", shape);
  const others = [graph.input("teacher", shape), graph.input("negatives", [NEGATIVES, ...shape.slice(1)])];
  const taps = vgg19(graph, weights);
  const fixed = taps(concat(others, 0));
  const part = (tap: Value, start: number, end: number) => slice(tap, [{ axis: 0, start, end }]);
  const positives = fixed.map((tap) => part(tap, 0, BATCH));
  const { loss, positive, negative } = contrastiveLoss(
    taps(student),
    positives,
    fixed.map((tap) => part(tap, BATCH, BATCH + NEGATIVES)),
    "batch",
  );
  TAPS.forEach((tap, j) => {
    graph.output(`features ${tap}`, positives[j] as Value);
  });
  for (const [j, tap] of TAPS.entries()) graph.output(`d(S, T) ${tap}`, positive[j] as Value);
  for (const [j, tap] of TAPS.entries()) graph.output(`Σ d(S, N) ${tap}`, negative[j] as Value);
  graph.output("contrastive loss", loss);
  graph.output("gradient of the student's image", differentiate(loss, [student])[0] as Value);
  const feeds = { student: blend, teacher: images.teacher, negatives: images.negatives };
  return run(
    graph,
    Object.fromEntries(
      graph.inputs.map(({ name, shape }) => [name, float32(feeds[name as keyof typeof feeds] as Float32Array, shape)]),
    ),
  );
}

async function run(graph: Graph, feeds: Tensors): Promise<Record<string, Float32Array>> {
  const session = await compile(graph);
  try {
    const { outputs } = await session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]));
  } finally {
    await session.close();
  }
}
