import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { readPytorch } from "../../../src/checkpoints/pytorch/read.js";
import { CheckpointError } from "../../../src/errors.js";
import { archive, bytes, dictionary, floats, pickle, storage, tensor } from "../support.js";

const data = pickle(dictionary({ a: tensor(storage("0", 2), 0, [2], [1]) }));

function refusal(file: Uint8Array): string {
  try {
    readPytorch(file, "bad.pt");
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as Error).message;
  }
  throw new Error("was read");
}

describe("zip archives", () => {
  it("refuses compressed records, and so zip bombs", () => {
    const bomb = new Uint8Array(5_000_000);
    expect(refusal(zipSync({ "archive/data.pkl": data, "archive/data/0": bomb }))).toContain("is compressed");
    expect(refusal(zipSync({ "archive/data.pkl": [data, { level: 0 }], "archive/data/0": bomb }))).toContain(
      "archive/data/0 is compressed",
    );
  });

  it("refuses archives that are not PyTorch's", () => {
    expect(refusal(zipSync({ "word/document.xml": data }))).toContain("0 data.pkl");
    expect(refusal(zipSync({ "a/data.pkl": data, "b/data.pkl": data }, { level: 0 }))).toContain("2 data.pkl");
  });

  it("tells TorchScript programs and big-endian files", () => {
    const script = zipSync({ "net/data.pkl": data, "net/constants.pkl": data, "net/code/net.py": data }, { level: 0 });
    expect(refusal(script)).toContain("TorchScript");
    const swapped = zipSync({ "net/data.pkl": data, "net/byteorder": bytes("big") }, { level: 0 });
    expect(refusal(swapped)).toContain("big-endian");
  });

  it("refuses records that overlap", () => {
    const views = { a: tensor(storage("0", 2), 0, [2], [1]), b: tensor(storage("1", 2), 0, [2], [1]) };
    const file = archive(pickle(dictionary(views)), { 0: new Uint8Array(1000), 1: new Uint8Array(1000) });
    const view = new DataView(file.buffer, file.byteOffset);
    for (const entry of centralEntries(file).slice(1, 3)) {
      view.setUint32(entry + 20, file.length - 1000, true);
      view.setUint32(entry + 24, file.length - 1000, true);
    }
    expect(refusal(file)).toContain("records overlap");
  });

  it("refuses a record that is there twice", () => {
    const twice = zipSync({ "a/data.pkl": data, "a/data.pkx": data }, { level: 0 });
    for (const entry of centralEntries(twice)) twice[entry + 46 + "a/data.pkl".length - 1] = "l".charCodeAt(0);
    expect(refusal(twice)).toContain("there twice");
  });

  it("refuses a directory that claims more records than are read", () => {
    const file = archive(data);
    new DataView(file.buffer, file.byteOffset).setUint16(file.length - 22 + 8, 0xffff, true);
    expect(refusal(file)).toContain("damaged");
  });

  it("refuses every cut", () => {
    const file = archive(data, { 0: floats(1, 2) });
    for (let length = 4; length < file.length; length += 7) refusal(file.slice(0, length));
  });
});

/** Offsets of the central directory's entries. */
function centralEntries(file: Uint8Array): number[] {
  const view = new DataView(file.buffer, file.byteOffset);
  return Array.from({ length: file.length - 4 }, (_, i) => i).filter((i) => view.getUint32(i, true) === 0x02014b50);
}
