import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Random } from "../../../../test/support/random.js";
import {
  attribute,
  type Field,
  message,
  model,
  node,
  TYPES,
  text,
  value,
  varint,
} from "../../../core/test/onnx/bytes.js";
import { loadContenders } from "../../src/evaluation/load.js";
import { loadModel } from "../../src/files/models.js";

const WEIGHTS = new Random(4).floats(3 * 3 * 9, -1, 1);

/** A convolution of RGB images whose weight lies elsewhere. */
function convolution(
  place: Readonly<Record<string, string | number>>,
  dims: readonly number[] = [3, 3, 3, 3],
): Uint8Array {
  const entries = Object.entries(place).map(([key, held]): Field => message(13, text(1, key), text(2, String(held))));
  const weight = message(
    5,
    ...dims.map((size) => varint(1, size)),
    ...[varint(2, TYPES.float), text(8, "w"), ...entries, varint(14, 1)],
  );
  const pads = attribute("pads", 7, ...[1, 1, 1, 1].map((pad) => varint(8, pad)));
  const image = ["n", 3, "h", "w"];
  return model({
    graph: [
      node({ operator: "Conv", inputs: ["x", "w"], attributes: [pads] }),
      value(11, "x", image),
      value(12, "y", image),
      weight,
    ],
  });
}

/** A folder `model` with the model and its weights, from the eighth byte on, beside a folder `elsewhere` with the weights alone. */
async function folderOf(onnx: Uint8Array): Promise<{ folder: string; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-weights-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["model", "elsewhere"]) {
    await mkdir(join(folder, name));
    await writeFile(
      join(folder, name, "weights.bin"),
      Buffer.concat([new Uint8Array(8), new Uint8Array(WEIGHTS.buffer)]),
    );
  }
  const file = join(folder, "model", "a.onnx");
  await writeFile(file, onnx);
  return { folder, file };
}

describe("weights in a file beside the model", () => {
  it("are read", async () => {
    for (const place of [
      { location: "weights.bin", offset: 8 },
      { length: WEIGHTS.byteLength, offset: 8, location: "weights.bin" },
    ]) {
      const { file } = await folderOf(convolution(place));
      expect((await loadModel(file)).parameters.get("w")?.data).toEqual(WEIGHTS);
      const [contender] = await loadContenders(file);
      expect(contender).toMatchObject({ scale: 1, cost: { parameters: WEIGHTS.length } });
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "above it",
      convolution({ location: "../elsewhere/weights.bin", offset: 8 }),
      /only files beside the model are read/,
    ],
    ["at an absolute path", convolution({ location: "/etc/passwd" }), /lies in "\/etc\/passwd"; only files beside/],
    ["on a drive", convolution({ location: "C:weights.bin" }), /only files beside the model/],
    ["in the folder itself", convolution({ location: "." }), /only files beside the model/],
    ["nowhere", convolution({}), /lies in ""; only files beside the model/],
    [
      "in a file that isn't there",
      convolution({ location: "b.bin" }),
      /b\.bin, which holds the model's weights, cannot be read.*no such file/,
    ],
    ["behind a link", convolution({ location: "link.bin", offset: 8 }), /link\.bin beside the model is no plain file/],
    ["in a folder", convolution({ location: "folder" }), /folder beside the model is no plain file/],
    ["past the end", convolution({ location: "weights.bin", offset: 12 }), /weights\.bin ends before byte 336/],
    [
      "before the beginning",
      convolution({ location: "weights.bin", offset: -8 }),
      /lies at "-8" of weights\.bin, which is no place/,
    ],
    [
      "in too few bytes",
      convolution({ location: "weights.bin", length: 4 }),
      /4 bytes of weights\.bin don't hold 81 elements/,
    ],
    [
      "in more than there can be",
      convolution({ location: "weights.bin" }, [2 ** 20, 2 ** 20]),
      /more than the 268435456 elements/,
    ],
  ])("aren't read %s", async (_, onnx, reason) => {
    const { folder, file } = await folderOf(onnx);
    await symlink(join(folder, "elsewhere", "weights.bin"), join(folder, "model", "link.bin"));
    await mkdir(join(folder, "model", "folder"));
    await expect(loadModel(file)).rejects.toThrow(reason);
    await expect(loadContenders(file)).rejects.toThrow(reason);
  });
});
