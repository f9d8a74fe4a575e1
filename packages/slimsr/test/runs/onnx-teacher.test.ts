import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { decodeOnnx } from "../../../core/src/onnx/codec.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { ATTRIBUTE_TYPE } from "../../../core/src/onnx/schema.js";
import { add, conv, pixelShuffle, relu } from "../../../core/src/operators/index.js";
import { attribute, message, model, node, text, value, varint } from "../../../core/test/onnx/bytes.js";
import { compress } from "../../src/runs/compress.js";
import type { PartialSettings } from "../../src/runs/settings.js";
import { IMAGES, temporaryFolder } from "../cli/runs.js";
import { nearest } from "./nearest.js";

/**
 * A small residual network as anyone's file, for images of 0..range: a pixel of p·range/255 comes out as that of p in 0..255 does.
 */
function onnxTeacher(range: 255 | 1): Uint8Array {
  const random = new Random(4);
  const graph = new Graph("residual");
  const constant = (shape: readonly number[], size: number) =>
    graph.constant(
      random.floats(
        shape.reduce((a, b) => a * b, 1),
        -size,
        size,
      ),
      shape,
    );
  const x = graph.input("image", [1, 3, 16, 16]);
  const layer = (y: Value, filters: number, channels: number) =>
    conv(y, constant([filters, channels, 3, 3], 0.1), constant([filters], 0.02 * range), { pads: [1, 1, 1, 1] });
  const inner = relu(layer(x, 16, 3));
  const stream = add(inner, layer(relu(layer(inner, 16, 16)), 16, 16));
  graph.output("large", pixelShuffle(layer(stream, 12, 16), 2));
  const open = { 0: "batch", 2: "height", 3: "width" };
  return writeOnnx(graph, { dynamicAxes: { image: open, large: { 0: "batch", 2: "tall", 3: "wide" } } });
}

/** A model whose initialisers lie in the file `location`, written by hand apart from the code under test. */
function weightsApart(onnx: Uint8Array, location: string): { model: Uint8Array; weights: Uint8Array } {
  const { graph } = decodeOnnx(onnx);
  const parts: Uint8Array[] = [];
  let offset = 0;
  const initializers = (graph?.initializers ?? []).map(({ name, dims, type, raw = new Uint8Array() }) => {
    parts.push(raw);
    const entries = Object.entries({ location, offset, length: raw.length });
    offset += raw.length;
    const places = entries.map(([key, held]) => message(13, text(1, key), text(2, String(held))));
    return message(5, ...dims.map((size) => varint(1, size)), varint(2, type), text(8, name), ...places, varint(14, 1));
  });
  const nodes = (graph?.nodes ?? []).map(({ operator, inputs, outputs, attributes }) =>
    node({
      ...{ operator, inputs, outputs },
      attributes: attributes.map(({ name, type, int, ints, string }) => {
        const whole = type === ATTRIBUTE_TYPE.int ? [varint(3, int)] : ints.map((each) => varint(8, each));
        return attribute(name, type, ...(type === ATTRIBUTE_TYPE.string ? [text(4, string)] : whole));
      }),
    }),
  );
  const image = value(11, "image", ["batch", 3, "height", "width"]);
  const large = value(12, "large", ["batch", 3, "tall", "wide"]);
  return {
    model: model({ graph: [text(2, graph?.name ?? ""), ...nodes, image, large, ...initializers] }),
    weights: Buffer.concat(parts),
  };
}

const settings: PartialSettings = {
  ...{ train: IMAGES, val: IMAGES, batch: 2, patch: 12, steps: 3, threads: 1, width: [0.5] },
  ...{
    validationPatch: 16,
    calibrationPatches: 4,
    belowBicubic: true,
    checkpointEvery: 1,
    learningRate: 1e-5,
    warmup: 0,
  },
};

describe("a teacher that is an ONNX file", () => {
  it("may have its weights in a file beside it, and is kept with them inside", { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder();
    const students: Buffer[] = [];
    for (const beside of [false, true]) {
      const [place, out] = [join(folder, `teacher-${beside}`), join(folder, `run-${beside}`)];
      await mkdir(place);
      const [teacher, tutor] = [join(place, "teacher.onnx"), join(place, "tutor.onnx")];
      for (const [file, onnx] of [
        [teacher, onnxTeacher(255)],
        [tutor, nearest(255)],
      ] as const) {
        const apart = weightsApart(onnx, `${basename(file)}.data`);
        await writeFile(file, beside ? apart.model : onnx);
        if (beside) await writeFile(`${file}.data`, apart.weights);
      }
      const own: PartialSettings = { ...settings, teacher, range: 255, method: "kd", tutor: [tutor] };
      const stop = new AbortController();
      const hooks = { signal: stop.signal, onStep: () => stop.abort() };
      await expect(compress({ out, settings: own }, hooks)).rejects.toThrow("interrupted after step 1");
      await rm(place, { recursive: true });
      await compress({ resume: out });
      students.push(await readFile(join(out, "student-w0.5.onnx")));
    }
    expect(students[1]?.equals(students[0] as Buffer)).toBe(true);
  });

  it("is trained like any other, in its own range, and kept with the run", { timeout: 240_000 }, async () => {
    const folder = await temporaryFolder();
    const psnr: number[] = [];
    for (const range of [255, 1] as const) {
      const teacher = join(folder, `teacher-${range}.onnx`);
      await writeFile(teacher, onnxTeacher(range));
      const out = join(folder, `run-${range}`);
      const { outcome } = await compress({ out, settings: { ...settings, teacher, range } });
      expect(await readFile(join(out, "teacher.onnx"))).toEqual(Buffer.from(onnxTeacher(range)));
      expect(outcome.students.map(({ files }) => files)).toEqual([[join(out, "student-w0.5.onnx")]]);
      const bytes = await readFile(join(out, "student-w0.5.onnx"));
      const student = readModel(bytes, "student-w0.5.onnx");
      expect(student.descriptor).toMatchObject({ scale: 2, range, channels: { input: 3, output: 3 } });
      psnr.push(...outcome.rows.map((row) => row.psnr));
      // Taken up again it needs the folder alone, and ends in the same bytes.
      await rm(teacher);
      await compress({ resume: out });
      expect(await readFile(join(out, "student-w0.5.onnx"))).toEqual(bytes);
    }
    // Bicubic, the teacher and the student are worth the same in both ranges.
    expect(psnr).toHaveLength(6);
    for (const i of [0, 1, 2]) expect(psnr[i + 3]).toBeCloseTo(psnr[i] as number, 1);
  });
});

it("refuses a network that restores images where nothing says what", async () => {
  const folder = await temporaryFolder();
  const graph = new Graph("same");
  const image = graph.input("image", [1, 3, 16, 16]);
  graph.output("restored", conv(image, graph.constant(new Float32Array(9).fill(0.3), [3, 3, 1, 1])));
  const teacher = join(folder, "same.onnx");
  await writeFile(teacher, writeOnnx(graph));
  const refused = compress({ out: join(folder, "run"), settings: { teacher, train: IMAGES, val: IMAGES } });
  await expect(refused).rejects.toThrow("nothing says what it restores: make its input with --degrade");
});
