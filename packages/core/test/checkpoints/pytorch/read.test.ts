import { describe, expect, it } from "vitest";
import { readPytorch } from "../../../src/checkpoints/pytorch/read.js";
import { readSafetensors } from "../../../src/checkpoints/safetensors.js";
import {
  archive,
  bytes,
  dictionary,
  fixture,
  floats,
  legacy,
  pickle,
  plain,
  storage,
  tensor,
  text,
  uint64,
} from "../support.js";

const names = ["edsr", "half", "bfloat16", "double", "views", "nested"];

describe("files that torch.save wrote", () => {
  it.each(
    names.flatMap((name) => [
      [`${name}.pt`, name],
      [`${name}.legacy.pth`, name],
    ]),
  )("reads %s", (file, name) => {
    const expected = readSafetensors(fixture(`${name}.safetensors`), name).tensors;
    expect(plain(readPytorch(fixture(file), file).tensors)).toEqual(plain(expected));
  });

  it("reads only the wanted tensors", () => {
    const { tensors: state } = readPytorch(fixture("edsr.pt"), "edsr.pt", (name) => name.startsWith("head"));
    expect([...state.keys()]).toEqual(["head.0.weight", "head.0.bias"]);
  });

  it("reads tensors that repeat elements, as expanded ones do", () => {
    const expanded = tensor(storage("0", 2), 1, [3], [0]);
    const rows = tensor(storage("0", 2), 0, [2, 2], [0, 1]);
    const file = archive(pickle(dictionary({ expanded, rows })), { 0: floats(1, 2) });
    expect(plain(readPytorch(file, "x").tensors)).toEqual({
      expanded: { shape: [3], values: [2, 2, 2] },
      rows: { shape: [2, 2], values: [1, 2, 1, 2] },
    });
  });

  it("shares memory between names of one tensor", () => {
    const view = tensor(storage("0", 2), 0, [2], [1]);
    const file = archive(pickle(dictionary({ a: view, b: view })), { 0: floats(1, 2) });
    const { tensors: state } = readPytorch(file, "x");
    expect(state.get("a")?.data).toBe(state.get("b")?.data);
  });

  it("reads the legacy format's views of storages", () => {
    const view = bytes(
      "(",
      text("storage"),
      "ctorch\nFloatStorage\n",
      text("7"),
      text("cpu"),
      "K",
      4,
      "(",
      text("8"),
      "K",
      1,
      "K",
      2,
      "ttQ",
    );
    const file = legacy(
      pickle(dictionary({ a: tensor(view, 0, [2], [1]) })),
      pickle("]", text("7"), "a"),
      uint64(4n),
      floats(1, 2, 3, 4),
    );
    expect([...(readPytorch(file, "x").tensors.get("a")?.data ?? [])]).toEqual([2, 3]);
  });

  it("reads parameters as PyTorch wrote them before 0.4", () => {
    const data = tensor(storage("0", 2), 0, [2], [1]);
    const parameter = "ctorch.nn.parameter\nParameter\n";
    const shell = bytes("ctorch\nFloatTensor\n)R(", storage("0", 2), "K", 0, "(K", 2, "t(K", 1, "ttb");
    const file = archive(
      pickle(
        dictionary({
          reduced: bytes(parameter, data, 0x85, "R(", 0x88, 0x89, "}tb"),
          built: bytes(parameter, ")", 0x81, "(", data, "N}", 0x88, 0x89, "tb"),
          shell,
          rebuilt: bytes("ctorch._utils\n_rebuild_parameter\n(", data, 0x88, "}tR"),
        }),
      ),
      { 0: floats(3, 4) },
    );
    const { tensors: state } = readPytorch(file, "x");
    for (const name of ["reduced", "built", "shell", "rebuilt"]) {
      expect([...(state.get(name)?.data ?? [])], name).toEqual([3, 4]);
    }
  });

  it("reads Python 2's OrderedDict of pairs and its byte strings", () => {
    const data = tensor(storage("0", 1), 0, [1], [1]);
    const pair = bytes("](U", 1, "a", data, "e");
    const file = archive(pickle("ccollections\nOrderedDict\n](", pair, "e", 0x85, "R"), { 0: floats(5) });
    expect([...(readPytorch(file, "x").tensors.get("a")?.data ?? [])]).toEqual([5]);
  });

  it("reads a pickle that contains itself", () => {
    const cyclic = bytes("}q", 0, text("self"), "h", 0, "s", text("model"), "h", 0, "s");
    expect(() => readPytorch(archive(pickle(cyclic)), "x")).toThrow("no named tensors");
  });
});

describe("where the weights are", () => {
  const weights = dictionary({ w: tensor(storage("0", 1), 0, [1], [1]) });
  const others = dictionary({ w: tensor(storage("1", 1), 0, [1], [1]) });
  const optimiser = bytes(
    "}",
    text("state"),
    "}K",
    0,
    dictionary({ exp_avg: tensor(storage("1", 1), 0, [1], [1]) }),
    "ss",
  );
  const subclass = bytes(
    "clightning.parsing\nAttributeDict\n)",
    0x81,
    "(",
    text("w"),
    tensor(storage("0", 1), 0, [1], [1]),
    "u",
  );
  const defaults = bytes("ccollections\ndefaultdict\n(cbuiltins\ndict\ntR(", text("net"), weights, "u");

  it.each<[string, Uint8Array, string]>([
    ["params_ema", dictionary({ params: others, params_ema: weights }), "params_ema"],
    [
      "state_dict_ema",
      dictionary({ state_dict: others, state_dict_ema: weights, epoch: bytes("K", 3) }),
      "state_dict_ema",
    ],
    ["an average in a dictionary", dictionary({ model: others, ema: dictionary({ shadow: weights }) }), "ema.shadow"],
    ["the only dictionary", dictionary({ epoch: bytes("K", 3), weights, optimizer: optimiser }), "weights"],
    ["a deep one", dictionary({ trainer: dictionary({ student: weights }) }), "trainer.student"],
    ["a list", bytes("](", weights, "K", 7, "e"), "0"],
    ["a tuple", bytes(weights, optimiser, 0x86), "0"],
    ["a generator", dictionary({ netD: others, netG: weights }), "netG"],
    ["a subclass of dict", dictionary({ hparams: bytes("N"), net: subclass }), "net"],
    ["a default dictionary", defaults, "net"],
  ])("%s", (_, root, path) => {
    const found = readPytorch(archive(pickle(root), { 0: floats(1), 1: floats(2) }), "x");
    expect(found.path.join(".")).toBe(path);
    expect(plain(found.tensors)).toEqual({ w: { shape: [1], values: [1] } });
  });

  it("of several that none is preferred of, names tell", () => {
    const found = readPytorch(
      archive(pickle(dictionary({ a: weights, b: others })), { 0: floats(1), 1: floats(2) }),
      "x",
    );
    expect([...found.tensors.keys()]).toEqual(["a.w", "b.w"]);
  });

  it("integers alone are none", () => {
    const ids = tensor(storage("0", 1, "ctorch\nLongStorage\n"), 0, [1], [1]);
    expect(() => readPytorch(archive(pickle(dictionary({ ids }))), "x")).toThrow("it has ids (of integers)");
  });
});

describe("files that are not what they claim", () => {
  const whole = (length: number, shape: number[], strides: number[], offset = 0) =>
    pickle(dictionary({ a: tensor(storage("0", length), offset, shape, strides) }));
  it.each([
    ["a tensor beyond its storage", whole(4, [5], [1]), "reaches element 4"],
    ["an offset beyond its storage", whole(4, [1], [1], 9), "reaches element 9"],
    ["terabytes by strides of 0", whole(4, [2 ** 30, 2 ** 30], [0, 0]), "claim to hold 1152921504606847000 numbers"],
    ["negative sizes", whole(4, [2 ** 32 - 1], [1]), "not numbers that fit"],
    ["more dimensions than strides", whole(4, [2, 2], [1]), "not numbers that fit"],
    ["a storage larger than its record", whole(100, [100], [1]), "claims 100 elements, but holds 4"],
    [
      "a storage without a record",
      pickle(dictionary({ a: tensor(storage("9", 4), 0, [4], [1]) })),
      "storage 9 is missing",
    ],
    ["no tensors", pickle(dictionary({ epoch: bytes("K", 3) })), "it has epoch"],
    ["no dictionary", pickle("K", 3), "no named tensors"],
  ])("refuses %s", (_, data, message) => {
    const storages = { 0: floats(1, 2, 3, 4) };
    expect(() => readPytorch(archive(data, storages), "bad.pt")).toThrow(message);
    expect(() => readPytorch(archive(data, storages), "bad.pt")).toThrow("bad.pt");
  });

  it("refuses views that together outgrow the file", () => {
    const views = Array.from({ length: 1000 }, (_, i) => [`a${i}`, tensor(storage("0", 8192), i, [6000], [1])]);
    const file = archive(pickle(dictionary(Object.fromEntries(views))), { 0: new Uint8Array(8192 * 4) });
    expect(() => readPytorch(file, "bad.pt")).toThrow("claim to hold 6000000 numbers");
  });

  it("refuses a legacy storage that ends beyond the file", () => {
    const data = pickle(dictionary({ a: tensor(storage("0", 4), 0, [4], [1]) }));
    const keys = pickle("]", text("0"), "a");
    for (const count of [5n, 1n << 62n, (1n << 64n) - 1n]) {
      const file = legacy(data, keys, uint64(count), floats(1, 2, 3, 4));
      expect(() => readPytorch(file, "bad.pth")).toThrow("is it cut off?");
    }
    expect(() => readPytorch(legacy(data, keys), "bad.pth")).toThrow("is it cut off?");
    expect(() => readPytorch(legacy(data, pickle("]", text("1"), "a")), "bad.pth")).toThrow("nothing refers to");
  });

  it("refuses big-endian files", () => {
    const data = pickle(dictionary({ a: tensor(storage("0", 1), 0, [1], [1]) }));
    const swapped = bytes(
      pickle(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19),
      pickle("M", 0xe9, 0x03),
      pickle(dictionary({ little_endian: bytes(0x89) })),
      data,
    );
    expect(() => readPytorch(swapped, "bad.pth")).toThrow("big-endian");
  });
});
