import { exportModel } from "@slimsr/core/internal/export/onnx.js";
import { expect, it } from "vitest";
import { NetworkError } from "../../../core/src/errors.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import type { Value } from "../../../core/src/graph/index.js";
import { LARGEST_EXPONENT } from "../../../core/src/model/bounded.js";
import type { Model } from "../../../core/src/model/model.js";
import { averagePool, div, exp, mul, sub } from "../../../core/src/operators/index.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../src/engine/session.js";
import { brokenByExtremes, fitWithstanding, withstandingExtremes } from "../../src/slimming/extremes.js";
import { enlarging, nearest } from "../runs/nearest.js";

const SIZE = { height: 16, width: 12 };

const network = (body: (image: Value) => Value): Model => readModel(enlarging(body), "network.onnx");

/** Means of windows, weighed by the exponentials of what they are of. */
function softPool(x: Value): Value {
  const pooled = (y: Value): Value => averagePool(y, [3, 3], { pads: [1, 1, 1, 1] });
  return div(pooled(mul(exp(x), x)), pooled(exp(x)));
}

async function outputOf(model: Model, level: (i: number) => number): Promise<Float32Array> {
  const session = await createSession(exportModel(model));
  try {
    const lr = float32(
      Float32Array.from({ length: 3 * 16 * 16 }, (_, i) => level(i)),
      [1, 3, 16, 16],
    );
    const { outputs } = await session.run({ image: lr });
    return outputs.large?.data as Float32Array;
  } finally {
    await session.close();
  }
}

it("a network that overflows on no photograph's image is told with the node at fault", async () => {
  expect(await brokenByExtremes(readModel(nearest(255), "nearest.onnx"), SIZE)).toBeUndefined();
  // The exponential of 88.7 is the largest of float32: black is finite.
  const bright = network((image) => mul(image, exp(mul(exp(image), 0))));
  expect(await brokenByExtremes(bright, SIZE)).toMatch(
    /^on an image of white noise, white, an edge and random blocks its output isn't finite, from the Exp on that makes \S+$/,
  );
});

it("exponents are bounded where extremes break a student, and its output stays where none is so large", async () => {
  const pooling = network(softPool);
  const { model, notes } = await withstandingExtremes(pooling, pooling, SIZE);
  expect(await brokenByExtremes(model, SIZE)).toBeUndefined();
  expect(notes.join("; ")).toContain(`exponents above ${LARGEST_EXPONENT} are taken for it`);
  const low = (i: number) => (i * 7) % LARGEST_EXPONENT;
  expect(await outputOf(model, low)).toEqual(await outputOf(pooling, low));
  const high = (i: number) => (i * 7) % 250;
  expect((await outputOf(pooling, high)).every(Number.isFinite)).toBe(false);
  const bounded = await outputOf(model, high);
  expect(Math.min(...bounded)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...bounded)).toBeLessThan(250);
  // What is bounded already stays as it is.
  expect(await withstandingExtremes(model, model, SIZE)).toEqual({ model, notes: [] });
});

it("a student that no bound helps is left as it is, with a warning", async () => {
  const dividing = network((image) => div(image, sub(image, image)));
  const { model, notes } = await withstandingExtremes(dividing, dividing, SIZE);
  expect(model).toBe(dividing);
  expect(notes).toEqual([
    expect.stringMatching(/from the Div on that makes \S+; photographs may do, a wider student is safer$/),
  ]);
});

/** So many times the difference of an image's columns from their means: nothing of even images, much of an edge. */
const sharpened = (times: number): Model =>
  network((image) => mul(sub(image, averagePool(image, [1, 3], { pads: [0, 1, 0, 1] })), times));

it("a student that leaves the range by far where its teacher doesn't is told, with the image and by how much", async () => {
  const teacher = readModel(nearest(255), "nearest.onnx");
  const sharp = sharpened(100);
  const { model, notes } = await withstandingExtremes(sharp, teacher, SIZE);
  expect(model).toBe(sharp);
  expect(notes).toEqual([
    expect.stringMatching(
      /^on an image of .+ its output goes to \d+ times the range, the teacher's to 1 times; photographs/,
    ),
  ]);
  expect((await withstandingExtremes(sharp, undefined, SIZE)).notes).toEqual([
    expect.stringMatching(/^on an image of .+ its output goes to \d+ times the range; photographs/),
  ]);
  // What the teacher does as well is nothing that slimming did.
  expect((await withstandingExtremes(sharp, sharp, SIZE)).notes).toEqual([]);
});

/** Four patches of a level each, in which columns don't differ. */
const EVEN = {
  ...{ count: 4, ...SIZE },
  data: Float32Array.from({ length: 4 * 3 * 16 * 12 }, (_, i) => 40 * Math.floor(i / (3 * 16 * 12))),
};

it("a student that goes astray is fitted again with the image on which it does, and taken where that helps", async () => {
  const teacher = readModel(nearest(255), "nearest.onnx");
  const [sharp, sharper, sound] = [sharpened(100), sharpened(200), network((image) => image)];
  const fitted: number[] = [];
  const notes: string[] = [];
  const made = (students: readonly Model[]) => {
    fitted.length = 0;
    notes.length = 0;
    return fitWithstanding(
      async ({ count, data }) => {
        expect(data.subarray(-EVEN.data.length)).toEqual(EVEN.data);
        fitted.push(count);
        const student = students[fitted.length - 1];
        if (!student) throw new NetworkError("the input of layer head isn't finite");
        return student;
      },
      teacher,
      EVEN,
      (text) => notes.push(text),
    );
  };
  expect(await made([sharp, sound])).toEqual({ model: sound, notes: [] });
  expect(fitted).toEqual([4, 5]);
  expect(notes).toEqual([
    expect.stringMatching(/times; it is fitted again, with some of such an image among its patches$/),
  ]);
  // With half a patch of that image first, then with a whole one.
  expect((await made([sharp, sharper, sound])).model).toBe(sound);
  expect(fitted).toEqual([4, 5, 5]);
  // What goes astray again is no better.
  const stays = await made([sharp, sharper, sharper]);
  expect(stays.model).toBe(sharp);
  expect(stays.notes).toEqual([expect.stringContaining("a wider student is safer")]);
  // Nor is what is worse by far on the patches themselves.
  const dark = network((image) => sub(image, 255));
  expect((await made([sharp, dark, dark])).model).toBe(sharp);
  // Nor what overflows on that image.
  expect((await made([sharp])).model).toBe(sharp);
  expect(fitted).toEqual([4, 5, 5]);
  expect(await made([sound])).toEqual({ model: sound, notes: [] });
  expect(fitted).toEqual([4]);
});
