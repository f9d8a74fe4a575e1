import { describe, expect, it } from "vitest";
import type * as z from "zod/mini";
import { modelOf } from "../../../../test/support/networks.js";
import { canonicalName, NAMINGS, publishedName } from "../../src/checkpoints/conventions.js";
import { recognise } from "../../src/checkpoints/recognise.js";
import { checkParameters, widthOf } from "../../src/checkpoints/shapes.js";
import { differentiate } from "../../src/differentiate/index.js";
import { NetworkError } from "../../src/errors.js";
import { channelAnalysis } from "../../src/model/model.js";
import { keptShape, splitChannels } from "../../src/model/split.js";
import {
  ARCHITECTURES,
  type Architecture,
  architectureOf,
  descriptionOf,
  imageChannels,
  initialParameters,
  type NetworkOptions,
  networkOptions,
  parameterShapes,
  SCALES,
  structure,
} from "../../src/networks/index.js";
import { l1 } from "../../src/objectives/reconstruction.js";
import { Expand } from "../../src/operators/index.js";
import { stateTensor } from "../checkpoints/support.js";

/** The network that is trained where only its scale is said, thinner. */
const thin = ({ name, defaults, overrides }: Architecture, scale: number): NetworkOptions =>
  networkOptions.parse({
    ...{ architecture: name, ...defaults, scale, features: 32 },
    ...(overrides.includes("noise") && { noise: 25 }),
  });

const scalesOf = ({ options }: Architecture): number[] =>
  [1, ...SCALES].filter((scale) => (options.shape.scale as z.ZodMiniType).safeParse(scale).success);

const every = ARCHITECTURES.flatMap((architecture) =>
  scalesOf(architecture).map((scale) => [architecture.title, scale, thin(architecture, scale), architecture] as const),
);

const stateAt = (network: NetworkOptions, width: number) => {
  const split = splitChannels(modelOf(network), width);
  const shapes = [...parameterShapes(network)].map(([name, shape]) => [name, keptShape(split, name, shape)] as const);
  return new Map(shapes.map(([name, shape]) => [name, stateTensor([...shape], () => 0)]));
};

describe("every architecture", () => {
  it.each(every)("%s ×%i magnifies so much", (_, scale, network) => {
    const { graph, shapes } = structure(network);
    const [, , size = 0] = graph.inputs.find(({ name }) => name === "lr")?.shape ?? [];
    const channels = imageChannels(network);
    expect([...graph.outputs.values()].map(({ shape }) => shape)).toEqual([[1, channels, size * scale, size * scale]]);
    for (const name of shapes.keys()) expect(name).toMatch(/\.(weight|bias)$/);
  });

  it.each(every)("%s ×%i has all its options said, in files too", (_, _scale, network) => {
    for (const option of Object.keys(network)) {
      const { [option as keyof NetworkOptions]: _said, ...rest } = network;
      expect(networkOptions.safeParse(rest).success, option).toBe(false);
    }
    expect(networkOptions.safeParse({ ...network, depth: 3 }).success).toBe(false);
    expect(JSON.parse(JSON.stringify(network))).toEqual(network);
  });

  it.each(every)("%s ×%i is told by its parameters", (_, _scale, network, architecture) => {
    const said = Object.fromEntries(architecture.asked?.map((option) => [option, network[option as "scale"]]) ?? []);
    const told = { ...architecture.infer(parameterShapes(network)), ...said };
    expect(network).toMatchObject(told);
    const { network: found, source } = recognise(stateAt(network, 1), said, "x");
    expect(found).toMatchObject({ ...told, architecture: architecture.name });
    for (const option of Object.keys(said)) {
      expect(() => recognise(stateAt(network, 1), { ...said, [option]: undefined }, "x")).toThrow(
        new RegExp(`^x holds ${architecture.title} and doesn't tell its ${option}, .*: say it with --${option}$`),
      );
    }
    expect(source).toBe("canonical");
  });

  it.each(every)("%s ×%i has every parameter named by its sources", (_, _scale, network, architecture) => {
    const namings = NAMINGS.filter((naming) => naming.architecture === architecture);
    expect(namings[0]?.convention.source).toBe("canonical");
    expect(namings.map(({ convention }) => convention.source)).toContain(architecture.publishedSource(network));
    for (const naming of namings) {
      const parameters = [...parameterShapes(network).keys()];
      const published = parameters.map((name) => publishedName(naming, name, network) ?? "none");
      // A source may lack layers of a variant, which it then refuses.
      if (published.includes("none") && naming.convention.refusal?.(network) !== undefined) continue;
      expect(published.map((name) => canonicalName(naming, name))).toEqual(parameters);
      expect(new Set(published).size).toBe(parameters.length);
    }
  });

  it.each(every)("%s ×%i can be slimmed", (_, _scale, network) => {
    expect(channelAnalysis(modelOf(network)).groups.length).toBeGreaterThan(0);
    const student = stateAt(network, 0.5);
    expect(() => checkParameters(network, student, "student")).not.toThrow();
    expect(widthOf(network, student)).toBe(0.5);
  });

  it.each(every)("%s ×%i can be trained", (_, _scale, network) => {
    const { graph, shapes } = structure(network);
    const [sr] = graph.outputs.values();
    const parameters = graph.inputs.filter(({ name }) => shapes.has(name));
    if (!sr) throw new Error("no output");
    const gradients = differentiate(l1(sr, graph.input("hr", sr.shape)), parameters);
    expect(gradients.map(({ shape }) => shape)).toEqual(parameters.map(({ shape }) => shape));
    // A parameter that reaches nothing would have zeros, expanded.
    expect(gradients.filter(({ producer }) => producer?.operator === Expand)).toEqual([]);
  });

  it.each(every)("%s ×%i is described in words", (_, _scale, network, architecture) => {
    expect(architecture.summarise(network)).not.toBe("");
    for (const [label, value] of architecture.facts(network)) expect([label, value]).not.toContain("");
    for (const schema of Object.values(architecture.options.shape).slice(1)) {
      expect(descriptionOf(schema)).not.toBe("");
    }
    for (const option of architecture.overrides) expect(architecture.options.shape).toHaveProperty(option);
  });
});

it("slopes of PReLU begin as PyTorch's, weights within ±1/√fan_in", () => {
  const network = thin(architectureOf({ architecture: "fsrcnn" }), 2);
  const parameters = initialParameters(parameterShapes(network), () => 0.25);
  expect([...(parameters.get("head_slopes.weight")?.data ?? [])]).toEqual(Array(32).fill(0.25));
  expect(parameters.get("head.weight")?.data[0]).toBeCloseTo(-0.5 / 5);
});

it("an architecture that isn't there is refused by name", () => {
  expect(() => architectureOf({ architecture: "swinir" })).toThrow(NetworkError);
  expect(() => architectureOf({ architecture: "swinir" })).toThrow(
    "no architecture swinir; there are edsr, rcan, carn",
  );
});
