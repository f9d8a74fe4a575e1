import type { NetworkOptions } from "../networks/options.js";
import { type Indices, NameTemplate } from "./names.js";

/** Whose names a checkpoint's parameters have. */
export const SOURCES = ["canonical", "edsr-pytorch", "rcan", "carn-pytorch", "csd"] as const;
export type Source = (typeof SOURCES)[number];

/** How a source names one architecture's layers, and what it has outside the file. */
export interface Convention {
  readonly source: Source;
  readonly architecture: NetworkOptions["architecture"];
  /** Pairs of a published and a canonical name. The published may use {blocks} and {groups}, which a name tells itself. */
  readonly names: readonly (readonly [published: NameTemplate, canonical: NameTemplate])[];
  /** The 1×1 convolutions that subtract and add the mean, where the source has them. */
  readonly meanLayers?: readonly [subtract: string, add: string];
  /** Dictionary entry that the source's code looks for the state in. */
  readonly wrapper?: string;
  /** Range of pixel values, where no mean tells. */
  readonly range: NetworkOptions["range"];
  /** EDSR's factor on residual branches. */
  resScale(features: number): number;
  /** CARN's variant. */
  readonly variant: "original" | "csd";
}

const CANONICAL_NAMES = {
  edsr: ["head", "body.{block}.conv1", "body.{block}.conv2", "body_conv", "upsampler.blocks.{step}", "tail"],
  rcan: [
    "head",
    "body.{group}.body.{block}.conv1",
    "body.{group}.body.{block}.conv2",
    "body.{group}.body.{block}.down",
    "body.{group}.body.{block}.up",
    "body.{group}.conv",
    "body_conv",
    "upsampler.blocks.{step}",
    "tail",
  ],
  carn: [
    "head",
    "body.units.{unit}.units.{block}.conv1",
    "body.units.{unit}.units.{block}.conv2",
    "body.units.{unit}.fuse.{block}",
    "body.fuse.{unit}",
    "upsampler.blocks.{step}",
    "tail",
  ],
} as const;

/** EDSR's paper scales residuals by 0.1 in its large network of 256 features, and in no other. */
const publishedResScale = (features: number): number => (features === 256 ? 0.1 : 1);

const shared = { range: 255, resScale: publishedResScale, variant: "csd" } as const;

/** Modules of torch.nn.Sequential are numbered, activations and shuffles included. */
const SEQUENTIAL_TAIL = { "tail.0.0": "upsampler.blocks.0", "tail.0.2": "upsampler.blocks.1", "tail.1": "tail" };

/**
 * Names as in these sources' code: EDSR-PyTorch (sanghyun-son), RCAN (yulunzhang), CARN-pytorch (nmhkahn) and CSD
 * (Booooooooooo). What no file holds is as their code sets it by default.
 */
export const CONVENTIONS: readonly Convention[] = [
  ...(["edsr", "rcan", "carn"] as const).map((architecture) => ({
    source: "canonical" as const,
    architecture,
    names: pairs(Object.fromEntries(CANONICAL_NAMES[architecture].map((name) => [name, name]))),
    ...shared,
  })),
  {
    source: "edsr-pytorch",
    architecture: "edsr",
    names: pairs({
      "head.0": "head",
      "body.{block}.body.0": "body.{block}.conv1",
      "body.{block}.body.2": "body.{block}.conv2",
      "body.{blocks}": "body_conv",
      ...SEQUENTIAL_TAIL,
    }),
    meanLayers: ["sub_mean", "add_mean"],
    ...shared,
  },
  {
    source: "rcan",
    architecture: "rcan",
    names: pairs({
      "head.0": "head",
      "body.{group}.body.{block}.body.0": "body.{group}.body.{block}.conv1",
      "body.{group}.body.{block}.body.2": "body.{group}.body.{block}.conv2",
      "body.{group}.body.{block}.body.3.conv_du.0": "body.{group}.body.{block}.down",
      "body.{group}.body.{block}.body.3.conv_du.2": "body.{group}.body.{block}.up",
      "body.{group}.body.{blocks}": "body.{group}.conv",
      "body.{groups}": "body_conv",
      ...SEQUENTIAL_TAIL,
    }),
    meanLayers: ["sub_mean", "add_mean"],
    ...shared,
  },
  {
    source: "carn-pytorch",
    architecture: "carn",
    names: pairs({
      entry: "head",
      "b{unit+1}.b{block+1}.body.0": "body.units.{unit}.units.{block}.conv1",
      "b{unit+1}.b{block+1}.body.2": "body.units.{unit}.units.{block}.conv2",
      "b{unit+1}.c{block+1}.body.0": "body.units.{unit}.fuse.{block}",
      "c{unit+1}.body.0": "body.fuse.{unit}",
      "upsample.up.body.0": "upsampler.blocks.0",
      "upsample.up.body.3": "upsampler.blocks.1",
      exit: "tail",
    }),
    meanLayers: ["sub_mean.shifter", "add_mean.shifter"],
    ...shared,
    range: 1,
    variant: "original",
  },
  {
    source: "csd",
    architecture: "edsr",
    names: pairs({
      head: "head",
      "body.{block}.conv1": "body.{block}.conv1",
      "body.{block}.conv2": "body.{block}.conv2",
      body_conv: "body_conv",
      "upsampler.blocks.{step}": "upsampler.blocks.{step}",
      tail_conv: "tail",
    }),
    meanLayers: ["sub_mean", "add_mean"],
    wrapper: "model_state_dict",
    ...shared,
    resScale: () => 0.1,
  },
  {
    source: "csd",
    architecture: "rcan",
    names: pairs({
      head_conv: "head",
      "body.{group}.body.{block}.body.0": "body.{group}.body.{block}.conv1",
      "body.{group}.body.{block}.body.1": "body.{group}.body.{block}.conv2",
      "body.{group}.body.{block}.caLayer.conv_du.0": "body.{group}.body.{block}.down",
      "body.{group}.body.{block}.caLayer.conv_du.1": "body.{group}.body.{block}.up",
      "body.{group}.conv": "body.{group}.conv",
      body_conv: "body_conv",
      "upsampler.blocks.{step}": "upsampler.blocks.{step}",
      tail_conv: "tail",
    }),
    meanLayers: ["sub_mean", "add_mean"],
    wrapper: "model_state_dict",
    ...shared,
  },
  {
    source: "csd",
    architecture: "carn",
    names: pairs({
      entry: "head",
      "b{unit+1}.b{block+1}.conv1": "body.units.{unit}.units.{block}.conv1",
      "b{unit+1}.b{block+1}.conv2": "body.units.{unit}.units.{block}.conv2",
      "b{unit+1}.c{block+1}.conv": "body.units.{unit}.fuse.{block}",
      "c{unit+1}.conv": "body.fuse.{unit}",
      "upsample.blocks.{step}": "upsampler.blocks.{step}",
      exit: "tail",
    }),
    meanLayers: ["sub_mean", "add_mean"],
    wrapper: "model_state_dict",
    ...shared,
  },
];

/** Canonical name of a published layer, if the convention knows it. */
export function parseLayer(convention: Convention, published: string): string | undefined {
  return rename(published, convention.names, {});
}

/** Published name of a canonical layer, if the convention knows it. */
export function publishLayer(convention: Convention, canonical: string, network: NetworkOptions): string | undefined {
  const reversed = convention.names.map(([published, own]) => [own, published] as const);
  const { blocks = 0, groups = 0 } = { ...network } as { blocks?: number; groups?: number };
  return rename(canonical, reversed, { blocks, groups });
}

function rename(
  name: string,
  names: readonly (readonly [from: NameTemplate, to: NameTemplate])[],
  known: Indices,
): string | undefined {
  for (const [from, to] of names) {
    const indices = from.match(name);
    if (indices) return to.fill({ ...known, ...indices });
  }
  return undefined;
}

function pairs(names: Readonly<Record<string, string>>): Convention["names"] {
  return Object.entries(names).map(([published, own]) => [new NameTemplate(published), new NameTemplate(own)]);
}
