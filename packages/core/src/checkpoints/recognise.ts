import { CheckpointError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import { ARCHITECTURES, architectureOf, type NetworkOptions, parameterShapes } from "../networks/index.js";
import { canonicalName, layerOf, NAMINGS, type Naming, publishedName, SOURCES, type Source } from "./conventions.js";
import { readMean } from "./mean.js";
import { applyOverrides, type Overrides } from "./overrides.js";
import { networksWithin } from "./prefixes.js";
import { printable } from "./printable.js";
import { foldReparametrised } from "./reparametrised.js";
import { checkParameters, differences, shapesOf } from "./shapes.js";
import type { StateDict } from "./state.js";

export interface Recognised {
  network: NetworkOptions;
  /** Under canonical names. */
  parameters: StateDict;
  source: Source;
  /** What the names had before those of the source. */
  prefix: string;
  /** Options that neither the file nor the user tells. */
  assumed: readonly string[];
}

/** How well a part of a checkpoint fits one naming. */
interface Candidate {
  prefix: string;
  naming: Naming;
  network: NetworkOptions;
  parameters: StateDict;
  assumed: readonly string[];
  matched: number;
  missing: string[];
  unexpected: string[];
}

/**
 * Tell a network from its parameters' names and shapes alone, wherever in the state it is. What they can't tell (a factor on
 * residuals, the range where the file has no mean) is as the source's code sets it by default, unless overridden.
 *
 * @throws CheckpointError saying what was seen and what it comes nearest to, where nothing fits
 */
export function recognise(published: StateDict, overrides: Overrides, file: string): Recognised {
  const folded = foldReparametrised(published, file);
  const candidates: Candidate[] = [];
  for (const [prefix, part] of networksWithin(folded)) {
    const state = NAMINGS.reduce((kept, naming) => selectScale(kept, naming, overrides.scale, file), part);
    for (const naming of NAMINGS) {
      const candidate = assess(state, prefix, naming, overrides, file);
      if (fits(candidate)) return recognised(candidate, overrides, file);
      candidates.push(candidate);
    }
  }
  throw notRecognised(folded, candidates, file);
}

const fits = ({ missing, unexpected }: Pick<Candidate, "missing" | "unexpected">): boolean =>
  missing.length === 0 && unexpected.length === 0;

function recognised(
  { prefix, naming, network, parameters, assumed }: Candidate,
  overrides: Overrides,
  file: string,
): Recognised {
  checkParameters(network, parameters, file, {
    full: true,
    nameOf: (parameter) => prefix + (publishedName(naming, parameter, network) ?? parameter),
  });
  const told: Readonly<Record<string, unknown>> = { ...overrides };
  return {
    network: applyOverrides(network, overrides, file),
    parameters,
    source: naming.convention.source,
    prefix,
    assumed: assumed.filter((option) => told[option] === undefined),
  };
}

function assess(state: StateDict, prefix: string, naming: Naming, overrides: Overrides, file: string): Candidate {
  const { convention } = naming;
  const parameters: StateDict = new Map();
  for (const [published, tensor] of state) {
    const canonical = canonicalName(naming, published);
    if (canonical !== undefined) parameters.set(canonical, tensor);
  }
  const draft = inferNetwork(parameters, naming);
  const canonical = [...parameterShapes(draft).keys()];
  const expected = new Set(canonical.map((parameter) => publishedName(naming, parameter, draft) ?? parameter));
  const missing = [...expected].filter((parameter) => !state.has(parameter));
  const unexpected = [...state.keys()].filter(
    (parameter) => !expected.has(parameter) && !convention.meanLayers?.includes(layerOf(parameter)),
  );
  const whole = fits({ missing, unexpected });
  const network = whole ? { ...draft, ...readMean(state, convention, overrides.range, file) } : draft;
  const hasMean = convention.meanLayers?.some((layer) => state.has(`${layer}.bias`)) ?? false;
  const assumed = [...Object.keys(convention.assumed?.(draft.features) ?? {}), ...(hasMean ? [] : ["mean", "range"])];
  return { prefix, naming, network, parameters, assumed, matched: expected.size - missing.length, missing, unexpected };
}

/** The options that names and shapes tell, and what no file tells as the source's code sets it. */
function inferNetwork(parameters: StateDict, { architecture, convention }: Naming): NetworkOptions {
  const { scale, features, ...own } = architecture.infer(shapesOf(parameters));
  const common = { scale, features, range: convention.range, mean: [0, 0, 0] };
  const assumed = convention.assumed?.(features);
  return { architecture: architecture.name, ...common, ...own, ...assumed } as NetworkOptions;
}

/** Checkpoints of several scales have some layers once for each: keep those of one, without the scale in their names. */
function selectScale(
  state: StateDict,
  { architecture: { title }, convention: { perScale } }: Naming,
  wanted: number | undefined,
  file: string,
): StateDict {
  if (perScale === undefined) return state;
  const scaleOf = (parameter: string) =>
    parameter.startsWith(perScale) ? /^([234])\./.exec(parameter.slice(perScale.length))?.[1] : undefined;
  const available = [...new Set([...state.keys()].flatMap((parameter) => scaleOf(parameter) ?? []))].sort();
  if (available.length === 0) return state;
  const chosen = wanted === undefined && available.length === 1 ? available[0] : String(wanted);
  if (chosen === undefined || !available.includes(chosen)) {
    const scales = available.map((scale) => `×${scale}`).join(", ");
    throw new CheckpointError(
      wanted === undefined
        ? `${file} holds ${title} for ${scales}; say which with --scale`
        : `${file} holds ${title} for ${scales}, not for ×${wanted}`,
    );
  }
  const selected: StateDict = new Map();
  for (const [parameter, tensor] of state) {
    const scale = scaleOf(parameter);
    if (scale === undefined) selected.set(parameter, tensor);
    else if (scale === chosen) selected.set(perScale + parameter.slice(perScale.length + 1), tensor);
  }
  return selected;
}

/** Names that tell other networks that are often met: of a layer that only they have, or of all their parameters. */
const FOREIGN: readonly (readonly [network: string, name: RegExp, all?: true])[] = [
  ["IMDN", /(^|\.)IMDB\d+\./],
  ["RFDN", /(^|\.)B\d+\.c1_d\./],
  ["RRDBNet (ESRGAN)", /(^|\.)rdb1\.conv1\./i],
  ["SwinIR", /(^|\.)layers\.\d+\.residual_group\./],
  ["SRVGGNetCompact (Real-ESRGAN)", /^body\.\d+\.(weight|bias)$/, true],
];

function notRecognised(state: StateDict, candidates: readonly Candidate[], file: string): CheckpointError {
  if (state.size === 0)
    return new CheckpointError(`${file} holds no weights: no tensor of floating-point numbers is in it`);
  const seen = [...state].slice(0, 4).map(([name, { shape }]) => `${printable(name)} ${showDimensions(shape)}`);
  const [first, ...rest] = candidates;
  const nearest = rest.reduce(
    (best, candidate) => (candidate.matched > (best?.matched ?? 0) ? candidate : best),
    first,
  );
  const names = [...state.keys()];
  const has = (name: RegExp, all = false) => names[all ? "every" : "some"]((each) => name.test(each));
  const foreign = FOREIGN.find(([, name, all]) => has(name, all))?.[0];
  const other = foreign === undefined ? "" : `Its names are ${foreign}'s. `;
  const comparison =
    nearest && nearest.matched > 0
      ? `Nearest is ${architectureOf(nearest.network).title} with ${nearest.naming.convention.source} names: ${differences(nearest.missing, nearest.unexpected)}`
      : `${list(ARCHITECTURES.map(({ title }) => title))} are recognised, by the names of ${list(SOURCES)}`;
  return new CheckpointError(
    `${file} holds no network that is recognised. It has ${state.size} tensors (${seen.join(", ")}${state.size > 4 ? ", …" : ""}). ` +
      `${other}${comparison}. Networks of other architectures are read from ONNX: export it to ONNX (torch.onnx.export)`,
  );
}

/** "EDSR, RCAN and CARN". */
const list = (names: readonly string[]): string => new Intl.ListFormat("en-GB").format(names);
