import { NetworkError } from "@slimsr/core/internal/errors.js";
import { type Graph, liveNodes, type Node } from "@slimsr/core/internal/graph/index.js";
import { lowerOwnOperators } from "@slimsr/core/internal/lowering/portable.js";
import { LARGEST_EXPONENT, withBoundedExponents } from "@slimsr/core/internal/model/bounded.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32, type Tensor, type Tensors } from "@slimsr/upscaler/internal/engine/session.js";
import { inRange, type Patches, patchShape, somePatches } from "../calibration/batches.js";
import { createSession } from "../engine/session.js";
import { alone, type Exchange, onFirst } from "../exchange/exchange.js";
import { randomNumbers } from "../random.js";
import { errorAgainst } from "./budgets/output-error.js";

/** Pixels of the images that are tried. */
type Size = Pick<Patches, "height" | "width">;

const WHITE = 255;
/** Pixels along a side of a block. */
const BLOCK = 8;

type Level = (column: number, random: () => number) => number;

/** Images that no photograph is like, one after another: their levels in 0..255, and whether a level fills a block. */
const IMAGES: readonly { readonly name: string; readonly level: Level; readonly blocks?: true }[] = [
  { name: "white noise", level: (_, random) => Math.floor(random() * (WHITE + 1)) },
  { name: "black", level: () => 0 },
  { name: "white", level: () => WHITE },
  { name: "an edge", level: (column) => (column < 0.5 ? 0 : WHITE) },
  { name: "random blocks", level: (_, random) => (random() < 0.5 ? 0 : WHITE), blocks: true },
];

/** An output of more than so many times the range, and so many times the teacher's, is no image. */
const ASTRAY = 8;

const ADVICE = "photographs may do, a wider student is safer";

/** How many times as large the error on photographs may become for a student that stays in range: 1 dB of what is between it and the teacher. */
const WORTH = 1.25;

/** What an extreme image takes of the sides of the patch that it is in, one after another: where it fills one, what is fitted to it costs photographs tenths of a dB. */
const SHARES = [1 / 2, 1] as const;

/** An extreme image on which a student goes astray, and how far. */
interface Astray {
  readonly image: number;
  readonly text: string;
}

/** A student that runs on any image, as far as it can be had. */
export interface Withstanding {
  readonly model: Model;
  /** What is to be said of it. */
  readonly notes: readonly string[];
  readonly astray?: Astray;
}

/**
 * A student that extreme images don't lead astray: where one does, the student is fitted again with some of that image before its patches. What photographs hardly
 * show a network is then fitted too, in place of left to whatever weights suit them. The first one stays where that doesn't help, or is worse on photographs by far.
 * @param fit makes a student for patches; all ranks call it
 * @param note called before it is fitted again
 */
export async function fitWithstanding(
  fit: (patches: Patches) => Promise<Model>,
  teacher: Model,
  patches: Patches,
  note?: (text: string) => void,
  exchange: Exchange = alone,
): Promise<Withstanding> {
  const first = await withstandingExtremes(await fit(patches), teacher, patches);
  const astray = await onFirst(exchange, async () => first.astray);
  if (!astray) return first;
  note?.(`${astray.text}; it is fitted again, with some of such an image among its patches`);
  const errorOf = await errorAgainst(teacher, patches, exchange);
  const error = await errorOf(first.model);
  for (const share of SHARES) {
    const fitted = await fit(withExtreme(teacher, patches, astray.image, share)).catch((error: unknown) => {
      // What overflows on the extreme image is no reason to do without the student that photographs made.
      if (error instanceof NetworkError) return undefined;
      throw error;
    });
    if (!fitted) continue;
    const student = await withstandingExtremes(fitted, teacher, patches);
    const again = await errorOf(student.model);
    if (await onFirst(exchange, async () => !student.astray && again <= WORTH * error)) return student;
  }
  return first;
}

/**
 * A student that runs on any image, as far as it can be had: where extreme ones break it, its exponents are bounded, which leaves its output on all
 * other images as it is.
 * @param teacher what its outputs are compared with, if it has one
 */
export async function withstandingExtremes(
  student: Model,
  teacher: Model | undefined,
  size: Size,
): Promise<Withstanding> {
  const notes: string[] = [];
  let [model, made] = [student, await magnitudes(student, size)];
  const broken = await brokenByExtremes(student, size, made);
  if (broken !== undefined) {
    model = withBoundedExponents(student);
    made = await magnitudes(model, size);
    if (!made.every(Number.isFinite)) return { model: student, notes: [`${broken}; ${ADVICE}`] };
    notes.push(`${broken}: exponents above ${LARGEST_EXPONENT} are taken for it in its file, so that it is`);
  }
  const astray = await astrayOnExtremes(model, made, teacher, size);
  return astray ? { model, notes: [...notes, `${astray.text}; ${ADVICE}`], astray } : { model, notes };
}

/**
 * What a network can't be run on: extreme images on which a number leaves float32, and the first node that makes
 * one; undefined where all its output is finite. Such nodes are exponentials and quotients, as of soft pooling, whose channels no
 * longer have the values that they were trained with.
 * @param made the output's `magnitudes`, where they are known
 */
export async function brokenByExtremes(
  model: Model,
  size: Size,
  made?: readonly number[],
): Promise<string | undefined> {
  const broken = (made ?? (await magnitudes(model, size))).map((magnitude) => !Number.isFinite(magnitude));
  const first = broken.indexOf(true);
  if (first < 0) return undefined;
  const { operator, outputs } = await firstBroken(network(model, size), feeds(model, size, first));
  const names = IMAGES.filter((_, i) => broken[i]).map(({ name }) => name);
  const images = new Intl.ListFormat("en-GB").format(names);
  return `on an image of ${images} its output isn't finite, from the ${operator.name} on that makes ${outputs[0]?.name}`;
}

/** The extreme image on which a student goes furthest astray, where its teacher, if it has one, doesn't; undefined where on none. */
async function astrayOnExtremes(
  { descriptor: { range } }: Model,
  made: readonly number[],
  teacher: Model | undefined,
  size: Size,
): Promise<Astray | undefined> {
  const inRanges = (each: readonly number[]) => each.map((magnitude) => magnitude / range);
  const own = inRanges(made);
  if (Math.max(...own) <= ASTRAY) return undefined;
  const teachers = teacher ? inRanges(await magnitudes(teacher, size)) : own.map(() => 1);
  const excess = own.map((value, i) => (value > ASTRAY ? value / Math.max(1, teachers[i] as number) : 0));
  const worst = excess.indexOf(Math.max(...excess));
  if (!((excess[worst] as number) > ASTRAY)) return undefined;
  const [found, expected] = [own, teachers].map((each) => Number((each[worst] as number).toPrecision(2)));
  const beside = teacher ? `, the teacher's to ${expected} times` : "";
  return {
    image: worst,
    text: `on an image of ${IMAGES[worst]?.name} its output goes to ${found} times the range${beside}`,
  };
}

/** Largest magnitude of a network's output on each of the extreme images; not finite where one of its numbers isn't. */
async function magnitudes(model: Model, size: Size): Promise<number[]> {
  return withSession(network(model, size), async (run) => {
    const found: number[] = [];
    for (const i of IMAGES.keys()) {
      const { sr } = (await run(feeds(model, size, i))) as { readonly sr: Tensor };
      found.push((sr.data as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    }
    return found;
  });
}

/** The network for one of the images, in operators that the engine knows: a student with roundings has others. */
const network = (model: Model, { height, width }: Size): Graph =>
  lowerOwnOperators(instantiate(model, [1, model.descriptor.channels.input, height, width]));

function feeds(model: Model, size: Size, image: number): Tensors {
  const patches = extreme(model, size, image);
  return { lr: float32(patches.data, patchShape(patches, 1)) };
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

/** One of the extreme images, in the network's range. */
function extreme({ descriptor }: Model, { height, width }: Size, image: number): Patches {
  const { level, blocks } = IMAGES[image] as (typeof IMAGES)[number];
  const random = randomNumbers(1);
  const side = blocks ? BLOCK : 1;
  const [down, across] = [Math.ceil(height / side), Math.ceil(width / side)];
  const { input } = descriptor.channels;
  const levels = Array.from({ length: input * down * across }, (_, i) => level((i % across) / across, random));
  const data = Float32Array.from({ length: input * height * width }, (_, i) => {
    const [plane, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    return levels[(plane * down + Math.floor(row / side)) * across + Math.floor(column / side)] as number;
  });
  return inRange(descriptor, { count: 1, height, width, data });
}

/** The patches behind a copy of the first of them, with an extreme image in its corner, `share` of its sides. */
function withExtreme(model: Model, patches: Patches, image: number, share: number): Patches {
  const { height, width } = patches;
  const size = { height: Math.ceil(share * height), width: Math.ceil(share * width) };
  const corner = extreme(model, size, image).data;
  const first = somePatches(patches, 0, 1).data;
  for (let row = 0; row < corner.length / size.width; row++) {
    const [plane, y] = [Math.floor(row / size.height), row % size.height];
    first.set(corner.subarray(row * size.width, (row + 1) * size.width), (plane * height + y) * width);
  }
  const data = new Float32Array(first.length + patches.data.length);
  data.set(first);
  data.set(patches.data, first.length);
  return { ...patches, count: patches.count + 1, data };
}
