/**
 * Times our training step: a line on standard input asks for one, the answer is its milliseconds.
 * At the end of input the peak memory in bytes follows. Argument: the configuration's name.
 */
import { createInterface } from "node:readline";
import { elements } from "../../packages/core/src/graph/index.js";
import { compile } from "../../packages/slimsr/src/engine/compile.js";
import { float32, int64, scalar, type Tensor } from "../../packages/upscaler/src/engine/session.js";
import { STEP_CONFIGURATIONS, type StepConfiguration } from "./configurations.js";
import { stepOf } from "./graph.js";

const configuration = STEP_CONFIGURATIONS[process.argv[2] ?? ""];
if (!configuration) throw new Error(`name one of ${Object.keys(STEP_CONFIGURATIONS).join(", ")}`);
const { negatives } = configuration;

/** Compiles the step; the graph and VGG19's weights are let go of. */
async function compileStep(described: StepConfiguration) {
  const graph = stepOf(described);
  const profile = process.argv[3];
  const session = await compile(graph, { threads: 2, ...(profile !== undefined && { profile }) });
  return { session, shapes: new Map(graph.inputs.map(({ name, shape }) => [name, shape])) };
}

const { session, shapes } = await compileStep(configuration);
const size = shapes.get("parameters")?.[0] as number;
const vector = (value: () => number): Tensor => float32(new Float32Array(size).map(value), [size]);
const image = (name: string): Tensor => {
  const shape = shapes.get(name) ?? [];
  return float32(
    new Float32Array(elements(shape)).map(() => Math.random() * 255),
    shape,
  );
};
let state = { parameters: vector(() => (Math.random() - 0.5) * 0.05), first: vector(() => 0), second: vector(() => 0) };
let spare = { new_parameters: vector(() => 0), new_first: vector(() => 0), new_second: vector(() => 0) };
const images = Object.fromEntries(
  ["lr", "hr", "output"].filter((name) => shapes.has(name)).map((name) => [name, image(name)]),
);
const weights = { contrastive_weight: 200, distillation_weight: 1, teacher_weight: 1 };
const scalars = Object.entries(weights).filter(([name]) => shapes.has(name));
let step = 0;

async function run(): Promise<void> {
  step++;
  const { outputs, feeds } = await session.run(
    {
      ...state,
      ...images,
      ...(negatives > 0 && { negatives: int64(Array.from({ length: negatives }, (_, i) => i)) }),
      ...Object.fromEntries(scalars.map(([name, value]) => [name, scalar(value)])),
      learning_rate: scalar(1e-4),
      step: scalar(step),
    },
    { into: spare, move: ["parameters", "first", "second"] },
  );
  const { new_parameters, new_first, new_second } = outputs as typeof spare;
  const { parameters, first, second } = feeds as typeof state;
  state = { parameters: new_parameters, first: new_first, second: new_second };
  spare = { new_parameters: parameters, new_first: first, new_second: second };
}

await run();
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now();
  await run();
  console.log(performance.now() - start);
}
await session.close();
console.log(process.resourceUsage().maxRSS * 1024);
