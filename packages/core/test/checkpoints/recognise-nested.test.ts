import { describe, expect, it } from "vitest";
import { readState } from "../../src/checkpoints/checkpoint.js";
import { stripPrefixes } from "../../src/checkpoints/prefixes.js";
import { recognise } from "../../src/checkpoints/recognise.js";
import type { StateDict } from "../../src/checkpoints/state.js";
import { fixture, stateTensor } from "./support.js";

function state(name: string): StateDict {
  return new Map(readState(fixture(name), name).state);
}

function without(published: StateDict, pattern: RegExp): StateDict {
  return new Map([...published].filter(([name]) => !pattern.test(name)));
}

describe("networks within a checkpoint", () => {
  const under = (prefix: string, of: StateDict) => [...of].map(([name, tensor]) => [prefix + name, tensor] as const);
  const edsr = state("edsr.pt");
  const last = new Map([...edsr].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map((x) => x + 1) }]));
  const network = recognise(edsr, {}, "edsr.pt").parameters;

  it.each(["model.net.", "net.", "generator.", "anything.at.all.", "module.G.module.", "netG."])(
    "are found under %s",
    (prefix) => {
      const found = recognise(new Map(under(prefix, edsr)), {}, "x");
      expect(found.prefix).toBe(prefix);
      expect(found.parameters).toEqual(network);
    },
  );

  it("are found beside what only training needs", () => {
    const weight = stateTensor([4, 3, 3, 3]);
    const names = ["discriminator.0.weight", "loss.vgg.features.0.weight", "perceptual.0.weight", "net_d.0.weight"];
    const found = recognise(
      new Map([...under("net.", edsr), ...names.map((name) => [name, weight] as const)]),
      {},
      "x",
    );
    expect(found.parameters).toEqual(network);
    const step = new Map([...under("net.", edsr), ["step", stateTensor([])] as const]);
    expect(recognise(step, {}, "x").parameters).toEqual(network);
    // Another network around this one would compute something else.
    const larger = new Map([...under("backbone.", edsr), ["refine.weight", weight] as const]);
    expect(() => recognise(larger, {}, "x")).toThrow("no network that is recognised");
  });

  it.each(["ema_model.", "model_ema.", "net_ema.module.", "ema.", "swa_model."])(
    "are the averaged where there are: %s",
    (prefix) => {
      const found = recognise(new Map([...under("online_model.", last), ...under(prefix, edsr)]), {}, "x");
      expect(found.prefix).toBe(prefix);
      expect(found.parameters).toEqual(network);
    },
  );

  it("have names as compiling and sharding leave them", () => {
    const wrapped = new Map(
      [...edsr].map(([name, tensor]) => [`_orig_mod.${name.replace("body.0.", "body.0._orig_mod.")}`, tensor]),
    );
    expect(recognise(new Map(stripPrefixes(wrapped)), {}, "x").parameters).toEqual(network);
  });

  it("whose norms don't fit their weights are refused", () => {
    const bad = without(edsr, /^head\.0\.weight$/).set("head.0.weight_v", stateTensor([4, 3, 3, 3]));
    bad.set("head.0.weight_g", stateTensor([5, 1, 1, 1]));
    expect(() => recognise(bad, {}, "bad.pt")).toThrow(
      "bad.pt: head.0.weight can't be computed of head.0.weight_g 5×1×1×1 and head.0.weight_v 4×3×3×3",
    );
  });
});
