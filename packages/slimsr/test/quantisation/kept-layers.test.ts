import { describe, expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { elements, Graph, liveNodes, type Value } from "../../../core/src/graph/index.js";
import { concat, conv, relu } from "../../../core/src/operators/index.js";
import { type PlanOptions, planQuantisation } from "../../../core/src/quantisation/plan.js";
import { type Quantisation, quantisedGraph } from "../../../core/src/quantisation/qdq.js";
import { float32, type SessionOptions } from "../../../upscaler/src/engine/session.js";
import { EMBEDDED_IMAGES } from "../../src/assets.js";
import { type Patches, patchShape } from "../../src/calibration/batches.js";
import { calibrationPatches } from "../../src/calibration/patches.js";
import { createSession } from "../../src/engine/session.js";
import { calibrate } from "../../src/quantisation/calibrate.js";
import { bitsFor } from "../../src/quantisation/processor.js";

const patches = (): Promise<Patches> => calibrationPatches(EMBEDDED_IMAGES, { scale: 2, count: 2 });

/** Features of the image beside others of a fiftieth of their size, which all that follows is made of. */
function network(images: Patches): Graph {
  const random = new Random(4);
  const graph = new Graph("network");
  const layer = (name: string, x: Value, filters: number, side: number, gains: readonly number[] = [1]): Value => {
    const channels = x.shape[1] as number;
    const shape = [filters, channels, side, side];
    const bound = Math.sqrt(3 / elements(shape.slice(1)));
    const weights = random.floats(elements(shape), -bound, bound).map((w, i) => {
      const channel = Math.floor(i / side ** 2) % channels;
      return w * (gains[Math.floor((channel * gains.length) / channels)] as number);
    });
    const weight = graph.constant(weights, shape, { name: `${name}.weight` });
    const bias = graph.constant(new Float32Array(filters), [filters], { name: `${name}.bias` });
    const border = (side - 1) / 2;
    return conv(x, weight, bias, { pads: [border, border, border, border] });
  };
  const head = layer("head", graph.input("lr", patchShape(images, images.count)), 16, 3);
  const small = relu(layer("small", head, 16, 3, [0.02]));
  const both = concat([head, small], 1);
  const fused = layer("fuse", both, 16, 1, [0, 100]);
  const again = layer("again", concat([both, relu(fused)], 1), 16, 1, [0, 100, 1]);
  graph.output("sr", layer("tail", relu(layer("body", again, 16, 3)), 3, 3));
  return graph;
}

async function outputOf(graph: Graph, images: Patches, optimisation: NonNullable<SessionOptions["optimisation"]>) {
  const session = await createSession(graph, { threads: 1, spinning: false, optimisation });
  try {
    const image = float32(images.data.slice(), patchShape(images, images.count));
    return floats((await session.run({ lr: image })).outputs, "sr");
  } finally {
    await session.close();
  }
}

const rms = (a: Float32Array, b: Float32Array): number =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length);

async function quantised(options: PlanOptions) {
  const images = await patches();
  const graph = network(images);
  const plan = planQuantisation(graph, { inLevels: true, ...options });
  const levels = { scale: 1, zeroPoint: 0 };
  const quantisation: Quantisation = await calibrate(plan, images, { bits: bitsFor(), levels });
  return { images, plan, quantisation, float: await outputOf(graph, images, "none") };
}

it("joins features by their integers, however unlike their ranges are", { timeout: 60_000 }, async () => {
  const [apart, together] = await Promise.all(
    [false, true].map(async (oneScale) => {
      const { images, plan, quantisation, float } = await quantised({ keepFloat: ["tail"], oneScale });
      const made = quantisedGraph(plan, quantisation);
      const joined = made.nodes.filter(
        ({ operator, inputs }) => operator.name === "Concat" && inputs[0]?.dtype === "uint8",
      );
      expect(joined).toHaveLength(oneScale ? 0 : 2);
      const integers = await outputOf(made, images, "all");
      expect(rms(integers, await outputOf(made, images, "none"))).toBeLessThan(0.5);
      return rms(integers, float);
    }),
  );
  expect(apart).toBeLessThan(0.5 * (together as number));
});

describe("layers in float", () => {
  it("read what isn't rounded for them", async () => {
    const graph = network(await patches());
    const plan = planQuantisation(graph, { inLevels: true, keepFloat: ["fuse", "again"] });
    const concatenations = liveNodes(graph).filter(({ operator }) => operator.name === "Concat");
    expect(concatenations.map(plan.arithmetic)).toEqual(["float", "float"]);
  });

  it.each([
    ["small", "a layer between bytes"],
    ["fuse", "one that reads what is joined"],
  ])(
    "are refitted to what was rounded before, and engines leave their weights alone: %s, %s",
    {
      timeout: 60_000,
    },
    async (kept) => {
      const { images, plan, quantisation, float } = await quantised({ keepFloat: [kept, "tail"] });
      const names = [...quantisation.refitted.keys()].map(({ inputs }) => inputs[1]?.name);
      expect(names).toEqual([`${kept}.weight`, "tail.weight"]);
      const made = quantisedGraph(plan, quantisation);
      const asTheyWere = quantisedGraph(plan, { ...quantisation, refitted: new Map() });
      const [refitted, before] = [await outputOf(made, images, "none"), await outputOf(asTheyWere, images, "none")];
      expect(rms(refitted, float)).toBeLessThan(0.95 * rms(before, float));
      expect(rms(await outputOf(made, images, "all"), refitted)).toBeLessThan(0.1);
    },
  );
});
