import { describe, expect, it } from "vitest";
import { runPickle } from "../../../src/checkpoints/pytorch/pickle.js";
import type { PickleHandler, PickleValue } from "../../../src/checkpoints/pytorch/pickle-values.js";
import { readPytorch } from "../../../src/checkpoints/pytorch/read.js";
import {
  archive,
  bytes,
  dictionary,
  floats,
  legacy,
  type Part,
  pickle,
  plain,
  storage,
  tensor,
  text,
  uint32,
  uint64,
} from "../support.js";

const nothing: PickleHandler = {
  lookUp: () => expect.fail("looked up"),
  call: () => expect.fail("called"),
  setState: () => expect.fail("set state"),
  persistent: () => expect.fail("loaded"),
};

function run(...instructions: Part[]): PickleValue {
  return runPickle(pickle(...instructions), 0, "x", nothing).value;
}

describe("instructions", () => {
  it.each<[string, Uint8Array, PickleValue]>([
    ["None", bytes("N"), null],
    ["booleans", bytes("(", 0x88, 0x89, "t"), [true, false]],
    ["small integers", bytes("(K", 200, "M", 0x39, 0x30, "J", uint32(0xfffffffe), "t"), [200, 12345, -2]],
    ["long integers", bytes("(", 0x8a, 0, 0x8a, 2, 0xff, 0xff, 0x8b, uint32(3), 0, 0, 0x80, "t"), [0, -1, -8388608]],
    ["integers beyond 2^53", bytes(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1), 2n ** 64n],
    ["floats, which are big-endian", bytes("G", 0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18), Math.PI],
    ["strings", bytes("(", text("ü"), 0x8c, 1, "a", 0x8d, uint64(2n), "bc", "U", 1, 0xfc, "t"), ["ü", "a", "bc", "ü"]],
    [
      "byte strings",
      bytes("(C", 1, 7, "B", uint32(1), 8, 0x8e, uint64(1n), 9, "t"),
      [7, 8, 9].map((b) => Uint8Array.of(b)),
    ],
    [
      "tuples",
      bytes("(K", 1, 0x85, "K", 1, "K", 2, 0x86, "K", 1, "K", 2, "K", 3, 0x87, ")t"),
      [[1], [1, 2], [1, 2, 3], []],
    ],
    ["lists", bytes("](K", 1, "K", 2, "eK", 3, "a"), [1, 2, 3]],
    ["lists of marked items", bytes("(K", 1, "l"), [1]],
    [
      "dictionaries",
      bytes("}(", text("a"), "K", 1, "u", text("b"), "K", 2, "s"),
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
    ],
    ["dictionaries of marked items", bytes("(", text("a"), "K", 1, "d"), new Map([["a", 1]])],
    ["sets", bytes("(", 0x8f, "(K", 1, 0x90, "(K", 2, 0x91, "t"), [[1], [2]]],
    ["the memo", bytes("](K", 1, "q", 0, "h", 0, "r", uint32(70000), "j", uint32(70000), "e"), [1, 1, 1]],
    ["the numbered memo", bytes("(K", 5, 0x94, "K", 6, 0x94, "h", 0, "h", 1, "t"), [5, 6, 5, 6]],
    ["stack instructions", bytes("K", 1, "2(K", 9, "10", 0x85), [1]],
    ["frames", bytes(0x95, uint64(2n), "K", 1), 1],
  ])("run: %s", (_, instructions, value) => {
    expect(run(instructions)).toEqual(value);
  });

  it.each([
    ["an empty stack", bytes("0")],
    ["a pop across a mark", bytes("K", 1, "(0")],
    ["a missing mark", bytes("t")],
    ["a key without a value", bytes("}(K", 1, "u")],
    ["an append to something that is not a list", bytes("K", 1, "K", 2, "a")],
    ["an assignment into something that is not a dictionary", bytes("]K", 1, "K", 2, "s")],
    ["missing entry 5", bytes("h", 5)],
    ["unknown instruction 0xff", bytes(0xff)],
    ["unknown instruction 0x49", bytes("I01\n")],
    ["an integer of 2000000000 bytes", bytes(0x8b, uint32(2_000_000_000))],
    ["is it cut off?", bytes("X", uint32(0xffffffff), "abc")],
    ["is it cut off?", bytes(0x8d, uint64((1n << 64n) - 1n))],
    ["is it cut off?", bytes("J", 1)],
    ["a line that doesn't end", bytes("cposix system")],
    ["a call whose arguments are not a tuple", bytes("K", 1, "K", 2, "R")],
    ["more than the 1000000 instructions", new Uint8Array(1_100_000).fill("]".charCodeAt(0))],
  ])("refuse %s", (message, instructions) => {
    expect(() => run(instructions)).toThrow(message.replace("a pop across a mark", "an empty stack"));
  });

  it("hold half a million nested lists without recursion", () => {
    expect(run("]".repeat(450_000), "a".repeat(449_999))).toHaveLength(1);
  });
});

describe("attempts to execute", () => {
  const argument = bytes(text("touch /tmp/owned"), 0x85);
  const attempts: [string, string, Uint8Array][] = [
    ["GLOBAL and REDUCE", "posix.system", bytes("cposix\nsystem\n", argument, "R")],
    ["GLOBAL alone", "os.system", bytes("cos\nsystem\n")],
    ["Windows' name", "nt.system", bytes("cnt\nsystem\n", argument, "R")],
    ["STACK_GLOBAL", "builtins.eval", bytes(text("builtins"), text("eval"), 0x93, argument, "R")],
    ["Python 2's builtins", "__builtin__.eval", bytes("c__builtin__\neval\n", argument, "R")],
    ["INST", "subprocess.Popen", bytes("(", text("id"), "isubprocess\nPopen\n")],
    ["OBJ", "os.popen", bytes("(cos\npopen\n", text("id"), "o")],
    ["NEWOBJ", "subprocess.Popen", bytes("csubprocess\nPopen\n", argument, 0x81)],
    ["NEWOBJ_EX", "subprocess.Popen", bytes("csubprocess\nPopen\n", argument, "}", 0x92)],
    ["getattr", "builtins.getattr", bytes("cbuiltins\ngetattr\n(ctorch\nFloatStorage\n", text("__init__"), "tR")],
    ["a dotted name", "torch.Size.__class__", bytes("ctorch\nSize.__class__\n")],
    ["a dotted module", "torch._utils.os.system", bytes("ctorch._utils\nos.system\n", argument, "R")],
    ["the loader itself", "torch.serialization.load", bytes("ctorch.serialization\nload\n", argument, "R")],
    ["NumPy", "numpy.core.multiarray._reconstruct", bytes("cnumpy.core.multiarray\n_reconstruct\n")],
    ["a name of Object's", "constructor.constructor", bytes("cconstructor\nconstructor\n)R")],
    ["a whole model", "models.edsr.EDSR", bytes("cmodels.edsr\nEDSR\n)", 0x81, "}b")],
    [
      "BUILD",
      "models.edsr.EDSR",
      bytes("cmodels.edsr\nEDSR\n)", 0x81, "}", text("__setstate__"), "cbuiltins\neval\nsb"),
    ],
    ["keyword arguments", "argparse.Namespace", bytes("cargparse\nNamespace\n)}", 0x92)],
    ["EXT1", "registered extension 9", bytes(0x82, 9)],
    ["EXT2", "registered extension 513", bytes(0x83, 1, 2)],
    ["EXT4", "registered extension 7", bytes(0x84, uint32(7))],
    ["a module by persistent id", "models.edsr.EDSR", bytes("(", text("module"), "cmodels.edsr\nEDSR\nNNtQ")],
    ["a persistent id of text", "persistent object", bytes(text("storage"), "Q")],
  ];

  it.each(attempts)(
    "by %s make nothing beside weights, and are named where there are none: %s",
    (_, name, instructions) => {
      for (const around of [archive, (data: Uint8Array) => legacy(data, pickle("]"))]) {
        const file = around(pickle(dictionary({ a: instructions })));
        expect(() => readPytorch(file, "evil.pt")).toThrow(`it has a (made by ${name})`);
        expect(() => readPytorch(file, "evil.pt")).toThrow("Nothing of a file is executed");
      }
      const weights = tensor(storage("0", 2), 0, [2], [1]);
      const beside = pickle(dictionary({ model: dictionary({ w: weights }), a: instructions }));
      const { tensors } = readPytorch(archive(beside, { 0: floats(1, 2) }), "evil.pt");
      expect(plain(tensors)).toEqual({ w: { shape: [2], values: [1, 2] } });
    },
  );

  it.each<[string, string, Uint8Array]>([
    ["calling a storage type", "call torch.FloatStorage", bytes("ctorch\nFloatStorage\n)R")],
    ["calling data", "something that is not a function", bytes(text("eval"), argument, "R")],
    ["OBJ of nothing", "something that is not a function", bytes("(o")],
    ["BUILD of a known name", "set the state of torch.Size", bytes("ctorch\nSize\n}b")],
    ["BUILD of a list", "set the state of something", bytes("]}b")],
    ["an outside buffer", "NEXT_BUFFER", bytes(0x97)],
  ])("by %s, which no checkpoint has, are refused", (_, what, instructions) => {
    const file = archive(pickle(dictionary({ a: instructions })));
    expect(() => readPytorch(file, "evil.pt")).toThrow("evil.pt refuses to load: the file asks to");
    expect(() => readPytorch(file, "evil.pt")).toThrow(what);
  });

  it("are told where a tensor depends on them", () => {
    const attack = bytes("cposix\nsystem\n", argument, "R");
    const weights = tensor(storage("0", 1), 0, [1], [1]);
    const places = [
      tensor(bytes("(", text("storage"), attack, text("0"), text("cpu"), "K", 1, "tQ"), 0, [1], [1]),
      bytes("cposix\nsystem\n(", storage("0", 1), "tR"),
      bytes("cposix\nsystem\n((", weights, weights, "ttR"),
      bytes("ctorch._utils\n_rebuild_parameter\n(cposix\nsystem\n(", weights, "tR", 0x88, "}tR"),
    ];
    for (const place of places) {
      const file = archive(pickle(dictionary({ model: dictionary({ w: weights, b: place }) })), { 0: floats(1) });
      expect(() => readPytorch(file, "evil.pt")).toThrow("evil.pt: b is made by posix.system");
    }
  });

  it("leave shapes as they were checked", () => {
    const shape = bytes("](K", 2, "K", 2, "eq", 0);
    const view = bytes(
      ...["ctorch._utils\n_rebuild_tensor_v2\n(", storage("0", 4), "K", 0, shape, "](K", 2, "K", 1, "eq", 1],
      ...[0x89, "}tR"],
    );
    const later = bytes("(h", 0, "(K", 9, "K", 9, "eh", 1, "(K", 9, "K", 9, "el");
    const file = archive(pickle(dictionary({ model: dictionary({ w: view }), later })), { 0: floats(1, 2, 3, 4) });
    expect(plain(readPytorch(file, "evil.pt").tensors)).toEqual({ w: { shape: [2, 2], values: [1, 2, 3, 4] } });
  });

  it("print names of hostile files safely", () => {
    const file = archive(pickle("c\u001b[31mevil\nx\u0007y\n"));
    expect(() => readPytorch(file, "evil.pt")).toThrow("made by ?[31mevil.x?y");
  });

  it("or names of any length are not printed whole", () => {
    const key = "\u009b".repeat(5000);
    const files = [
      archive(pickle(dictionary({ a: tensor(storage(key, 1), 0, [2], [1]) }))),
      archive(pickle(dictionary({ a: tensor(storage(key, 1), 0, [1], [1]) }))),
      archive(pickle(dictionary({ [key]: bytes("N") }))),
    ];
    for (const file of files) {
      expect(() => readPytorch(file, "evil.pt")).toThrow("?????");
      expect(() => readPytorch(file, "evil.pt")).not.toThrow("\u009b");
      expect(() => readPytorch(file, "evil.pt")).not.toThrow("?".repeat(100));
    }
  });

  it("cannot copy one list again and again", () => {
    const pairs = bytes("](", ...Array<string>(1000).fill("NN\x86"), "e\x85q\x00");
    const again = Array.from({ length: 5000 }, () => bytes("ccollections\nOrderedDict\nh", 0, "R"));
    expect(() => readPytorch(archive(pickle(pairs, ...again)), "evil.pt")).toThrow("more than 1000000 entries");
  });
});
