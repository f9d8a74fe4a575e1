import { CheckpointError, UsageError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import type { NetworkOptions, Scale } from "../networks/options.js";
import { CONVENTIONS, type Convention, parseLayer, publishLayer, type Source } from "./conventions.js";
import { networkLayers } from "./layers.js";
import { readMean } from "./mean.js";
import { printable } from "./printable.js";
import { checkParameters, differences } from "./shapes.js";
import type { StateDict } from "./state.js";

/** What a user knows better than the file and its source's convention. */
export interface Overrides {
  scale?: Scale | undefined;
  /** EDSR's factor on residual branches. */
  resScale?: number | undefined;
  range?: NetworkOptions["range"] | undefined;
  /** CARN's variant. */
  variant?: "original" | "csd" | undefined;
}

export interface Recognised {
  network: NetworkOptions;
  /** Under canonical names. */
  parameters: StateDict;
  source: Source;
}

/** How well a checkpoint fits one convention. */
interface Candidate {
  convention: Convention;
  network: NetworkOptions;
  parameters: StateDict;
  matched: number;
  missing: string[];
  unexpected: string[];
}

/**
 * Tell a network from its parameters' names and shapes alone. What they can't tell (EDSR's residual scale, the range where
 * the file has no mean, CARN's variant) is as the source's code sets it by default, unless overridden.
 *
 * @throws CheckpointError saying what was seen and what it comes nearest to, where nothing fits
 */
export function recognise(published: StateDict, overrides: Overrides, file: string): Recognised {
  const state = selectScale(published, overrides.scale, file);
  const candidates = CONVENTIONS.map((convention) => assess(state, convention, overrides, file));
  const fitting = candidates.find(({ missing, unexpected }) => missing.length === 0 && unexpected.length === 0);
  if (!fitting) throw notRecognised(state, candidates, file);
  const { convention, network, parameters } = fitting;
  checkParameters(network, parameters, file, {
    full: true,
    nameOf: (layer) => publishLayer(convention, layer, network) ?? layer,
  });
  return { network: applyOverrides(network, overrides, file), parameters, source: convention.source };
}

/**
 * The network as the user says it is.
 *
 * @throws UsageError for what the architecture doesn't have, CheckpointError for a scale that the file contradicts
 */
export function applyOverrides(network: NetworkOptions, overrides: Overrides, file: string): NetworkOptions {
  const { scale, resScale, range = network.range, variant } = overrides;
  if (scale !== undefined && scale !== network.scale) {
    throw new CheckpointError(`${file} magnifies ×${network.scale}, not ×${scale} as asked`);
  }
  if (resScale !== undefined && network.architecture !== "edsr") {
    throw new UsageError(`${file} holds ${name(network)}, which has no residual scale; leave --res-scale out`);
  }
  if (variant !== undefined && network.architecture !== "carn") {
    throw new UsageError(`${file} holds ${name(network)}, which has no variants; leave --variant out`);
  }
  switch (network.architecture) {
    case "edsr":
      return { ...network, range, resScale: resScale ?? network.resScale };
    case "rcan":
      return { ...network, range };
    case "carn":
      return { ...network, range, variant: variant ?? network.variant };
  }
}

function assess(state: StateDict, convention: Convention, overrides: Overrides, file: string): Candidate {
  const parameters: StateDict = new Map();
  for (const [parameter, tensor] of state) {
    const [layer, kind] = splitParameter(parameter);
    const canonical = parseLayer(convention, layer);
    if (canonical !== undefined) parameters.set(`${canonical}.${kind}`, tensor);
  }
  const draft = inferNetwork(parameters, convention);
  const expected = new Set(
    networkLayers(draft).flatMap(({ name }) => {
      const layer = publishLayer(convention, name, draft) ?? name;
      return [`${layer}.weight`, `${layer}.bias`];
    }),
  );
  const missing = [...expected].filter((parameter) => !state.has(parameter));
  const unexpected = [...state.keys()].filter(
    (parameter) => !expected.has(parameter) && !convention.meanLayers?.includes(splitParameter(parameter)[0]),
  );
  const fits = missing.length === 0 && unexpected.length === 0;
  const network = fits ? { ...draft, ...readMean(state, convention, overrides.range, file) } : draft;
  return { convention, network, parameters, matched: expected.size - missing.length, missing, unexpected };
}

/** Options as names and shapes tell them; where those are lacking, the names that are missing tell enough. */
function inferNetwork(parameters: StateDict, { architecture, range, resScale, variant }: Convention): NetworkOptions {
  const outputs = (layer: string): number | undefined => parameters.get(`${layer}.weight`)?.shape[0];
  const features = outputs("head") ?? 1;
  const scale = parameters.has("upsampler.blocks.1.weight")
    ? 4
    : outputs("upsampler.blocks.0") === 9 * features
      ? 3
      : 2;
  const common = { scale, features, range, mean: [0, 0, 0] } as const;
  switch (architecture) {
    case "edsr":
      return {
        architecture,
        ...common,
        blocks: distinct(parameters, /^body\.(\d+)\.conv1/),
        resScale: resScale(features),
      };
    case "rcan": {
      const groups = distinct(parameters, /^body\.(\d+)\./);
      const perGroup = distinct(parameters, /^body\.\d+\.body\.(\d+)\.conv1/);
      // Names that would need more tensors than there are don't fit anyway
      const blocks = groups * perGroup <= parameters.size ? perGroup : 1;
      const reduction = Math.max(1, Math.floor(features / (outputs("body.0.body.0.down") ?? 1)));
      return { architecture, ...common, groups, blocks, reduction };
    }
    case "carn":
      return { architecture, ...common, variant };
  }
}

/** How many different indices stand in the names that match; at least 1. */
function distinct(parameters: StateDict, pattern: RegExp): number {
  const indices = new Set([...parameters.keys()].map((parameter) => pattern.exec(parameter)?.[1]));
  indices.delete(undefined);
  return Math.max(1, indices.size);
}

/** CARN-pytorch's multi-scale checkpoints have an upsampler per scale (upsample.up2, up3, up4): keep one as upsample.up. */
function selectScale(state: StateDict, wanted: Scale | undefined, file: string): StateDict {
  const pattern = /^upsample\.up([234])\./;
  const available = [...new Set([...state.keys()].flatMap((parameter) => pattern.exec(parameter)?.[1] ?? []))].sort();
  if (available.length === 0) return state;
  const chosen = wanted === undefined && available.length === 1 ? available[0] : String(wanted);
  if (chosen === undefined || !available.includes(chosen)) {
    const scales = available.map((scale) => `×${scale}`).join(", ");
    throw new CheckpointError(
      wanted === undefined
        ? `${file} holds CARN for ${scales}; say which with --scale`
        : `${file} holds CARN for ${scales}, not for ×${wanted}`,
    );
  }
  const selected: StateDict = new Map();
  for (const [parameter, tensor] of state) {
    const scale = pattern.exec(parameter)?.[1];
    if (scale === undefined) selected.set(parameter, tensor);
    else if (scale === chosen) selected.set(parameter.replace(pattern, "upsample.up."), tensor);
  }
  return selected;
}

function notRecognised(state: StateDict, candidates: readonly Candidate[], file: string): CheckpointError {
  const seen = [...state].slice(0, 4).map(([name, { shape }]) => `${printable(name)} ${showDimensions(shape)}`);
  const [first, ...rest] = candidates;
  const nearest = rest.reduce(
    (best, candidate) => (candidate.matched > (best?.matched ?? 0) ? candidate : best),
    first,
  );
  const comparison =
    nearest && nearest.matched > 0
      ? `Nearest is ${name(nearest.network)} with ${nearest.convention.source} names: ${differences(nearest.missing, nearest.unexpected)}`
      : "EDSR, RCAN and CARN are recognised, by the names of EDSR-PyTorch, RCAN, CARN-pytorch, CSD and this project";
  return new CheckpointError(
    `${file} holds no network that is recognised. It has ${state.size} tensors (${seen.join(", ")}${state.size > 4 ? ", …" : ""}). ${comparison}`,
  );
}

function name({ architecture }: NetworkOptions): string {
  return architecture.toUpperCase();
}

/** "body.0.conv1.weight" → ["body.0.conv1", "weight"]. */
function splitParameter(parameter: string): [layer: string, kind: string] {
  const dot = parameter.lastIndexOf(".");
  return [parameter.slice(0, dot), parameter.slice(dot + 1)];
}
