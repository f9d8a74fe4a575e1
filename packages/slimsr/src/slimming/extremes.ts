import { type Graph, liveNodes, type Node } from "@slimsr/core/internal/graph/index.js";
import { lowerOwnOperators } from "@slimsr/core/internal/lowering/portable.js";
import { LARGEST_EXPONENT, withBoundedExponents } from "@slimsr/core/internal/model/bounded.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32, type Tensors } from "@slimsr/upscaler/internal/engine/session.js";
import { inRange, type Patches, patchShape, somePatches } from "../calibration/batches.js";
import { createSession } from "../engine/session.js";
import { randomNumbers } from "../random.js";

/** Images that no photograph is like, one after another. */
const IMAGES = ["white noise", "black", "white"] as const;

/**
 * A student that runs on any image, as far as it can be had: where extreme ones break it, its exponents are bounded, which leaves its output on all
 * other images as it is.
 * @param size pixels of the images that are tried
 * @returns the student, and what is to be said of it
 */
export async function withstandingExtremes(
  student: Model,
  size: Pick<Patches, "height" | "width">,
): Promise<{ readonly model: Model; readonly note?: string }> {
  const broken = await brokenByExtremes(student, size);
  if (broken === undefined) return { model: student };
  const bounded = withBoundedExponents(student);
  if ((await brokenByExtremes(bounded, size)) === undefined) {
    return {
      model: bounded,
      note: `${broken}: exponents above ${LARGEST_EXPONENT} are taken for it in its file, so that it is`,
    };
  }
  return { model: student, note: `${broken}; photographs may do, a wider student is safer` };
}

/**
 * What a network can't be run on: images of noise, black and white on which a number leaves float32, and the first node that makes
 * one; undefined where all its output is finite. Such nodes are exponentials and quotients, as of soft pooling, whose channels no
 * longer have the values that they were trained with.
 * @param size pixels of the images
 */
export async function brokenByExtremes(
  model: Model,
  { height, width }: Pick<Patches, "height" | "width">,
): Promise<string | undefined> {
  const patches = extremes(model, height, width);
  const shape = patchShape(patches, 1);
  const feedsOf = (i: number): Tensors => ({ lr: float32(somePatches(patches, i, i + 1).data, shape) });
  const network = (): Graph => lowerOwnOperators(instantiate(model, shape));
  const broken = await withSession(network(), async (run) => {
    const found: number[] = [];
    for (const i of IMAGES.keys()) if (Object.values(await run(feedsOf(i))).some(hasNonFinite)) found.push(i);
    return found;
  });
  const [first] = broken;
  if (first === undefined) return undefined;
  const { operator, outputs } = await firstBroken(network(), feedsOf(first));
  const images = new Intl.ListFormat("en-GB").format(broken.map((i) => IMAGES[i] as string));
  return `on an image of ${images} its output isn't finite, from the ${operator.name} on that makes ${outputs[0]?.name}`;
}

/** The first node with numbers that aren't finite. */
async function firstBroken(graph: Graph, feeds: Tensors): Promise<Node> {
  const nodes = liveNodes(graph).filter(({ outputs: [y] }) => y?.dtype === "float32" && y.known === undefined);
  for (const [i, { outputs }] of nodes.entries()) graph.output(`node_${i}`, outputs[0] as Node["outputs"][number]);
  const made = await withSession(graph, (run) => run(feeds));
  return nodes.find((_, i) => hasNonFinite(made[`node_${i}`])) as Node;
}

type Made = Awaited<ReturnType<Awaited<ReturnType<typeof createSession>>["run"]>>["outputs"];

async function withSession<T>(graph: Graph, work: (run: (feeds: Tensors) => Promise<Made>) => Promise<T>): Promise<T> {
  const session = await createSession(graph, { spinning: false });
  try {
    return await work(async (feeds) => (await session.run(feeds)).outputs);
  } finally {
    await session.close();
  }
}

const hasNonFinite = (tensor: Made[string] | undefined): boolean =>
  tensor?.data instanceof Float32Array && !tensor.data.every(Number.isFinite);

function extremes({ descriptor }: Model, height: number, width: number): Patches {
  const { input } = descriptor.channels;
  const random = randomNumbers(1);
  const each = input * height * width;
  const data = Float32Array.from({ length: IMAGES.length * each }, (_, i) =>
    i < each ? Math.floor(random() * 256) : i < 2 * each ? 0 : 255,
  );
  return inRange(descriptor, { count: IMAGES.length, height, width, data });
}
