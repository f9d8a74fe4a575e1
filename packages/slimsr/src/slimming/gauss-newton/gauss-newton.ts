import { packParameters, unpackParameters } from "@slimsr/core/internal/model/flat.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { batchesOf, type Patches, somePatches } from "../../calibration/batches.js";
import { alone, type Exchange } from "../../exchange/exchange.js";
import { type Curvature, curvatureOf } from "./curvature.js";
import { layersOf, shapesOf } from "./layers.js";
import { sampledBatches } from "./sampled-batches.js";
import { type Images, StudentError } from "./student-error.js";

export interface GaussNewtonOptions {
  readonly iterations: number;
  /** Patches that are run at once; 8 where left out. */
  readonly batch?: number;
  readonly onIteration?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Ranks that share the patches out; this process alone where left out. */
  readonly exchange?: Exchange | undefined;
}

/** Unseen patches that steps are judged by, at most. */
const MEASURED_PATCHES = 32;

/** How many times as large as it was at best the unseen patches' error is where nothing better is to come. */
const ASTRAY = 1.25;

/** How far along the first direction its effect is looked for. */
const FIRST_LENGTH = 1e-3;

/** The effect of a direction was looked for near enough to where the step ends: within these factors of its length. */
const NEAR = { least: 1 / 4, most: 4 };

/** Images further away from where they were than this many times from the teacher's say nothing of what is near: a hundredth of the length is tried. */
const FAR = { effect: 4, factor: 1 / 100 };

/** How often a direction's length is looked for again, and a step that makes nothing better is halved. */
const TRIALS = 5;

/**
 * All convolutions of a student together, moved to where its images are nearest to the teacher's on the patches, by least squares: Gauss–Newton by conjugate gradients,
 * preconditioned by `Curvature`. An iteration takes the gradient g = Jᵀ·M·r of ½·rᵀ·M·r, with r the difference of the images and M what errors of these count (`errorBetween`), and goes
 * along d = −P⁻¹·g + β·d′ (Polak–Ribière) as far as is best were the student linear in its parameters: α = −rᵀ·M·J·d / (J·d)ᵀ·M·(J·d), with J·d as a
 * difference of images. Of the students along the way that which is best on unseen patches is taken, so that few patches aren't learnt by heart; the one that
 * was given, itself, where none is better.
 * @param student of any widths; its parameters are where it starts
 * @param patches that it is fitted to, and `unseen` ones of the same size
 * @throws NetworkError where activations or gradients overflow
 */
export async function gaussNewton(
  teacher: Model,
  student: Model,
  { patches, unseen }: { readonly patches: Patches; readonly unseen: Patches },
  { iterations, batch = 8, onIteration, signal, exchange = alone }: GaussNewtonOptions,
): Promise<Model> {
  const layers = layersOf(student);
  if (layers.length === 0) return student;
  const shapes = shapesOf(student, layers);
  const fitted = batchesOf(patches, batch);
  const sample = sampledBatches(fitted);
  const together = { exchange, signal };
  const start = packParameters(student.parameters, shapes);
  const curvature = await curvatureOf(student, layers, shapes, start, sample, together);
  const batches = { fitted, sample, unseen: batchesOf(somePatches(unseen, 0, MEASURED_PATCHES), batch) };
  const error = await StudentError.open(teacher, student, shapes, batches, together);
  try {
    const first = await placeOf(error, start);
    let [at, best] = [first, first];
    let length = FIRST_LENGTH;
    let last: Descent | undefined;
    for (let i = 0; i < iterations; i++) {
      const gradient = await error.gradient(at.vector);
      let descent = descentFrom(gradient, curvature, last);
      let step = await stepAlong(error, at, descent.direction, length);
      if (!step && last) {
        descent = descentFrom(gradient, curvature);
        step = await stepAlong(error, at, descent.direction, length);
      }
      if (!step) break;
      ({ place: at, length } = step);
      last = descent;
      onIteration?.(i + 1, iterations);
      if (at.unseen > ASTRAY * best.unseen) break;
      if (at.unseen < best.unseen) best = at;
    }
    if (best === first) return student;
    return { ...student, parameters: new Map([...student.parameters, ...unpackParameters(best.vector, shapes)]) };
  } finally {
    await error.close();
  }
}

/** Parameters, and what they are worth. */
interface Place {
  readonly vector: Float32Array;
  /** The sample's images, and their error. */
  readonly images: Images;
  readonly sample: number;
  /** The unseen patches' error. */
  readonly unseen: number;
}

async function placeOf(error: StudentError, vector: Float32Array): Promise<Place> {
  const images = await error.images(vector, "sample");
  const sample = await error.between("sample", images);
  const unseen = await error.between("unseen", await error.images(vector, "unseen"));
  return { vector, images, sample, unseen };
}

/** Where an iteration goes, and what the next one takes of it. */
interface Descent {
  readonly direction: Float64Array;
  readonly gradient: Float64Array;
  /** gᵀ·P⁻¹·g. */
  readonly decrease: number;
}

function descentFrom(gradient: Float64Array, curvature: Curvature, last?: Descent): Descent {
  const solved = curvature.solve(gradient);
  const decrease = dot(solved, gradient);
  const kept = last ? Math.max(0, (decrease - dot(solved, last.gradient)) / last.decrease) : 0;
  const direction = solved.map((own, i) => kept * (last?.direction[i] ?? 0) - own);
  return { direction, gradient, decrease };
}

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/**
 * A step as far along a direction as is best for the sample, or a part of that; undefined where none makes its error less.
 * @param length where the direction's effect is looked for first
 */
async function stepAlong(
  error: StudentError,
  from: Place,
  direction: Float64Array,
  length: number,
): Promise<{ place: Place; length: number } | undefined> {
  const moved = (distance: number) => from.vector.map((value, i) => value + distance * (direction[i] as number));
  let found = length;
  for (let trial = 0; trial < TRIALS; trial++) {
    const images = await error.images(moved(found), "sample");
    const effect = await error.between("sample", images, from.images);
    if (!(effect <= FAR.effect * from.sample)) {
      found *= FAR.factor;
      continue;
    }
    // |r + s·Δ|² is least at s = −rᵀΔ / |Δ|².
    const factor = (from.sample + effect - (await error.between("sample", images))) / (2 * effect);
    if (!(factor > 0) || !Number.isFinite(factor)) return undefined;
    found *= factor;
    if (factor > NEAR.least && factor < NEAR.most) break;
  }
  for (let trial = 0; trial < TRIALS; trial++) {
    const place = await placeOf(error, moved(found));
    if (place.sample < from.sample) return { place, length: found };
    found /= 2;
  }
  return undefined;
}
