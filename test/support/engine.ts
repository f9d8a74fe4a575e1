import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { elements, type Graph, type Shape } from "../../packages/core/src/graph/index.js";
import { lowerOwnOperators } from "../../packages/core/src/lowering/portable.js";
import { float32, type Session, type Tensor, type Tensors } from "../../packages/upscaler/src/engine/session.js";
import { createSession } from "../../packages/upscaler/src/node/session.js";

/** A session on one thread that is closed when the test ends. Operators of our own are lowered first. */
export async function open(graph: Graph, lower: (graph: Graph) => Graph = lowerOwnOperators): Promise<Session> {
  const session = await createSession(lower(graph), { threads: 1, spinning: false });
  onTestFinished(() => session.close());
  return session;
}

/** Runs a graph once. Operators of our own are lowered first. */
export async function evaluate(
  graph: Graph,
  feeds: Tensors = {},
  lower: (graph: Graph) => Graph = lowerOwnOperators,
): Promise<Record<string, Tensor>> {
  const session = await createSession(lower(graph), { threads: 1, spinning: false });
  try {
    return (await session.run(feeds)).outputs;
  } finally {
    await session.close();
  }
}

/** A number above those of all threads before: they are numbered as they start. */
export const nextThread = (): number => new Worker("", { eval: true }).threadId;

/** A float32 output. */
export function floats(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no float32 output ${name} but ${Object.keys(outputs)}`);
  return data;
}

/** A float32 output that has one element. */
export const number = (outputs: Readonly<Record<string, Tensor>>, name: string): number =>
  floats(outputs, name)[0] as number;

export const tensor = (shape: Shape, values: ArrayLike<number> | ((index: number) => number)): Tensor =>
  float32(
    typeof values === "function"
      ? Float32Array.from({ length: elements(shape) }, (_, i) => values(i))
      : Float32Array.from(values),
    shape,
  );
