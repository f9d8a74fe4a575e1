import { describe, expect, it } from "vitest";
import { floats, open } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32, type Session, scalar } from "../../../upscaler/src/engine/session.js";
import { Graph } from "../../src/graph/index.js";
import { type Matrices, muon } from "../../src/optimisers/muon.js";

type Matrix = number[][];

const sizeOf = (matrices: readonly Matrices[]): number =>
  matrices.reduce((sum, { count, rows, columns }) => sum + count * rows * columns, 0);

function optimiser(matrices: readonly Matrices[]): Promise<Session> {
  const graph = new Graph("muon");
  const vector = (name: string) => graph.input(name, [sizeOf(matrices)]);
  const state = { parameters: vector("parameters"), first: vector("first") };
  const next = muon(state, vector("gradient"), graph.input("learning_rate", []), matrices);
  graph.output("new_parameters", next.parameters);
  graph.output("new_first", next.first);
  return open(graph);
}

async function step(session: Session, parameters: Float32Array, first: Float32Array, gradient: Float32Array) {
  const vectors = { parameters, first, gradient };
  const feeds = Object.fromEntries(
    Object.entries(vectors).map(([name, data]) => [name, float32(data, [data.length])] as const),
  );
  const { outputs } = await session.run({ ...feeds, learning_rate: scalar(0.01) });
  return { parameters: floats(outputs, "new_parameters"), first: floats(outputs, "new_first") };
}

const transposed = (a: Matrix): Matrix => (a[0] as number[]).map((_, j) => a.map((row) => row[j] as number));
const product = (a: Matrix, b: Matrix): Matrix => {
  const columns = transposed(b);
  return a.map((row) => columns.map((column) => row.reduce((sum, x, k) => sum + x * (column[k] as number), 0)));
};
const combined = (parts: readonly (readonly [number, Matrix])[]): Matrix =>
  ((parts[0] as readonly [number, Matrix])[1] as Matrix).map((row, i) =>
    row.map((_, j) => parts.reduce((sum, [factor, m]) => sum + factor * ((m[i] as number[])[j] as number), 0)),
  );

/** As published (Jordan et al. 2024), in double precision. */
function orthogonal(matrix: Matrix): Matrix {
  const norm = Math.hypot(...matrix.flat());
  let x = combined([[1 / norm, matrix]]);
  if (x.length > (x[0] as number[]).length) return transposed(orthogonal(transposed(matrix)));
  for (let round = 0; round < 5; round++) {
    const gram = product(x, transposed(x));
    const polynomial = combined([
      [-4.775, gram],
      [2.0315, product(gram, gram)],
    ]);
    x = combined([
      [3.4445, x],
      [1, product(polynomial, x)],
    ]);
  }
  return x;
}

const SHAPES: readonly Matrices[] = [
  { count: 2, rows: 4, columns: 36 },
  { count: 1, rows: 12, columns: 5 },
];

describe("Muon", () => {
  it("follows the algorithm for 10 steps, of wide matrices and of tall ones", async () => {
    const random = new Random(1);
    const size = sizeOf(SHAPES);
    let [parameters, first]: [Float32Array, Float32Array] = [random.floats(size, -1, 1), new Float32Array(size)];
    const reference = Array.from(parameters);
    const mean = new Array<number>(size).fill(0);
    const session = await optimiser(SHAPES);
    for (let t = 1; t <= 10; t++) {
      const gradient = random.floats(size, -1, 1);
      ({ parameters, first } = await step(session, parameters, first, gradient));
      const ahead = mean.map((m, i) => {
        mean[i] = 0.95 * m + 0.05 * (gradient[i] as number);
        return 0.95 * (mean[i] as number) + 0.05 * (gradient[i] as number);
      });
      let at = 0;
      for (const { count, rows, columns } of SHAPES) {
        for (let n = 0; n < count; n++, at += rows * columns) {
          const start = at;
          const matrix = Array.from({ length: rows }, (_, i) =>
            ahead.slice(start + i * columns, start + (i + 1) * columns),
          );
          orthogonal(matrix)
            .flat()
            .forEach((update, i) => {
              const size = 0.2 * Math.sqrt(Math.max(rows, columns));
              reference[start + i] = (reference[start + i] as number) - 0.01 * size * update;
            });
        }
      }
    }
    parameters.forEach((parameter, i) => {
      expect(Math.abs(parameter - (reference[i] as number))).toBeLessThan(1e-5);
    });
    first.forEach((m, i) => {
      expect(m).toBeCloseTo(mean[i] as number, 6);
    });
  });

  it("moves along every singular direction about as far, and by steps of about Adam's size", async () => {
    const [rows, columns] = [6, 54];
    const session = await optimiser([{ count: 1, rows, columns }]);
    // Directions of very different strength.
    const random = new Random(2);
    const gradient = random.floats(rows * columns, -1, 1).map((g, i) => g * 3 ** -Math.floor(i / columns));
    const zeros = () => new Float32Array(rows * columns);
    const { parameters } = await step(session, zeros(), zeros(), gradient);
    const update = Array.from({ length: rows }, (_, i) =>
      Array.from(parameters.subarray(i * columns, (i + 1) * columns), (p) => p / (0.01 * 0.2 * Math.sqrt(columns))),
    );
    const gram = product(update, transposed(update));
    gram.forEach((row, i) => {
      // Squares of singular values between 0.68 and 1.2 for these rows, which are nearly at right angles.
      expect(row[i]).toBeGreaterThan(0.4);
      expect(row[i]).toBeLessThan(1.5);
    });
    const rootMeanSquare = Math.hypot(...parameters) / Math.sqrt(parameters.length);
    expect(rootMeanSquare / 0.01).toBeGreaterThan(0.15);
    expect(rootMeanSquare / 0.01).toBeLessThan(0.25);
  });

  it("leaves parameters where they are whose gradient is nothing", async () => {
    const session = await optimiser([{ count: 1, rows: 2, columns: 3 }]);
    const parameters = Float32Array.of(1, 2, 3, -4, 5, 6);
    const zeros = new Float32Array(6);
    expect(await step(session, parameters, zeros, zeros)).toEqual({ parameters, first: zeros });
  });
});
