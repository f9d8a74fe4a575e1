import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { OnnxError } from "../../src/errors.js";
import { onnxDeployment } from "../../src/export/onnx-file.js";
import { Graph } from "../../src/graph/index.js";
import { inlineExternal, readOnnx, writeOnnx, writeSplitOnnx } from "../../src/onnx/index.js";
import { readPermitted } from "../../src/onnx/permitted.js";
import { add } from "../../src/operators/index.js";
import {
  attribute,
  encode,
  type Field,
  initializer,
  message,
  model,
  node,
  TYPES,
  text,
  value,
  varint,
} from "./bytes.js";

const SIZE = [1, 3, 4, 4];

/** What a tensor says whose 192 bytes lie in the file c.bin. */
const ELSEWHERE = [message(13, text(1, "location"), text(2, "c.bin")), varint(14, 1)];

/** A tensor as another message's field, which an initialiser is the fifth of. */
const tensor = (number: number): Field =>
  message(number, ...SIZE.map((size) => varint(1, size)), varint(2, TYPES.float), text(8, "c"), ...ELSEWHERE);

const constant = (): Field =>
  node({ operator: "Constant", inputs: [], outputs: ["c"], attributes: [attribute("value", 4, tensor(5))] });

const branch = (name: string): Field => attribute(name, 5, message(6, text(2, name), constant(), value(12, "c", SIZE)));

const image = [value(11, "x", SIZE), value(12, "y", SIZE)];
const sum = node({ operator: "Add", inputs: ["x", "c"] });
const condition = initializer("true", TYPES.bool, [], varint(5, 1));
const choice = node({
  ...{ operator: "If", inputs: ["true"], outputs: ["c"] },
  attributes: [branch("then_branch"), branch("else_branch")],
});

/** Models whose constant lies in another file, each told of in another place. */
const MODELS: Readonly<Record<string, Uint8Array>> = {
  "an initialiser": model({ graph: [sum, ...image, initializer("c", TYPES.float, SIZE, ...ELSEWHERE)] }),
  "a constant": model({ graph: [constant(), sum, ...image] }),
  branches: model({ graph: [choice, sum, ...image, condition] }),
  "a sparse initialiser": model({ graph: [sum, ...image, message(15, tensor(1))] }),
  "lists of tensors and graphs": model({
    graph: [
      node({
        operator: "Own",
        attributes: [
          attribute("list", 10, message(11, node({ operator: "Own", attributes: [attribute("list", 9, tensor(10))] }))),
        ],
      }),
    ],
  }),
  "a function": model({
    graph: [sum, ...image],
    extra: [
      message(25, text(1, "own"), text(10, "mine"), message(7, text(4, "Constant"), attribute("value", 4, tensor(5)))),
    ],
  }),
  "a training graph": model({
    graph: [sum, ...image],
    extra: [message(20, message(2, initializer("c", TYPES.float, SIZE, ...ELSEWHERE)))],
  }),
};

describe("values in another file", () => {
  it.each(Object.entries(MODELS))("are refused in %s", (_, onnx) => {
    for (const read of [() => readPermitted(onnx), () => onnxDeployment("a.onnx", onnx, { scale: 1 })]) {
      expect(read).toThrow(OnnxError);
      expect(read).toThrow(
        /lies in another file|sparse initialisers|operator Own is not supported|graphs to train with/,
      );
    }
  });

  it("are what a split model has, and a whole one hasn't", () => {
    const graph = new Graph("split");
    graph.output("y", add(graph.input("x", [4096]), graph.constant(new Float32Array(4096), [4096])));
    expect(() => readPermitted(writeOnnx(graph))).not.toThrow();
    expect(() => readPermitted(writeSplitOnnx(graph, "c.bin").model)).toThrow("in another file");
  });

  it("are never read from where the process runs", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slimsr-external-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "c.bin"), new Uint8Array(4 * 48));
    for (const place of ["a constant", "branches"]) {
      await writeFile(join(folder, "a.onnx"), MODELS[place] as Uint8Array);
      const { stdout } = await runSource(`
        import { readFile } from "node:fs/promises";
        import { createSession } from "@slimsr/upscaler/node";
        process.chdir(${JSON.stringify(folder)});
        await createSession(await readFile("a.onnx"), { threads: 1 }).then(
          (session) => session.close().then(() => console.log("opened")),
          (error) => console.log(error.name, error.message),
        );`);
      expect(stdout).toMatch(/^OnnxError tensor .* lies in another file; save the model as one file\n$/);
    }
  });

  it("are looked for no deeper than messages go", () => {
    let deep: Field = constant();
    for (let i = 0; i < 60; i++)
      deep = node({ operator: "If", attributes: [attribute("then_branch", 5, message(6, deep))] });
    expect(() => readPermitted(model({ graph: [deep] }))).toThrow("damaged: more than 100 messages within one another");
  });
});

it("data in files beside a model are put inside, and all else stays", () => {
  const graph = new Graph("sum");
  const x = graph.input("x", [1, 3, 32, 32]);
  const large = graph.constant(
    Float32Array.from({ length: 3072 }, (_, i) => i),
    [1, 3, 32, 32],
    { name: "large" },
  );
  const small = graph.constant(new Float32Array([1, 2, 3]), [1, 3, 1, 1], { name: "small" });
  graph.output("y", add(add(x, large), small));
  const split = writeSplitOnnx(graph, "weights.bin");
  const [{ offset, bytes }] = split.data as [(typeof split.data)[number]];
  const beside = (name: string, from: number, length: number) => {
    expect([name, from]).toEqual(["weights.bin", offset]);
    return bytes().subarray(0, length);
  };
  // A field that nothing here makes anything of, as files of others have.
  const documented = new Uint8Array([...split.model, ...encode(text(6, "documentation"))]);
  const whole = inlineExternal(documented, beside);
  expect(whole.subarray(-15)).toEqual(encode(text(6, "documentation")));
  const read = readOnnx(whole).graph;
  for (const [name, constant] of Object.entries({ large, small })) {
    const found = read.constants.find((each) => each.name === name);
    expect(found?.data, name).toEqual(constant.data);
    expect(found?.shape, name).toEqual(constant.shape);
  }
  expect(read.nodes.map(({ operator }) => operator.name)).toEqual(graph.nodes.map(({ operator }) => operator.name));
  // What has all inside is the same bytes.
  expect(inlineExternal(whole, beside)).toBe(whole);
});
