import type * as z from "zod/mini";
import { CheckpointError } from "../errors.js";
import { sameShape } from "../graph/types.js";
import { descriptionOf, type Mean, type NetworkOptions, parameterShapes, type Scale } from "../networks/index.js";
import { foldBranches } from "./branches.js";
import { canonicalName, layerOf, NAMINGS, type Naming, publishedName, type Source } from "./conventions.js";
import { readMean } from "./mean.js";
import { applyOverrides, type Overrides } from "./overrides.js";
import { networksWithin } from "./prefixes.js";
import { foldReparametrised } from "./reparametrised.js";
import { selectScale } from "./scales.js";
import { checkParameters, shapesOf } from "./shapes.js";
import { fromPytorch } from "./slopes.js";
import type { StateDict } from "./state.js";
import { unrecognised } from "./unrecognised.js";

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
export interface Candidate {
  prefix: string;
  naming: Naming;
  network: NetworkOptions;
  parameters: StateDict;
  assumed: readonly string[];
  matched: number;
  missing: string[];
  unexpected: string[];
  /** Scales that the part has layers for. */
  scales: readonly Scale[];
}

/**
 * Tell a network from its parameters' names and shapes alone, wherever in the state it is. What they can't tell (a factor on
 * residuals, the range where the file has no mean) is as the source's code sets it by default, unless overridden.
 *
 * @throws CheckpointError saying what was seen and what it comes nearest to, where nothing fits
 */
export function recognise(published: StateDict, overrides: Overrides, file: string): Recognised {
  const folded = foldBranches(foldReparametrised(published, file), file);
  const candidates: Candidate[] = [];
  for (const [prefix, state] of networksWithin(folded)) {
    for (const naming of NAMINGS) {
      const candidate = assess(state, prefix, naming, overrides, file);
      if (hasShapes(candidate)) return recognised(candidate, overrides, file);
      candidates.push(candidate);
    }
  }
  // Its names are a network's, but not its shapes: that is said.
  const named = candidates.find(hasNames);
  if (named) return recognised(named, overrides, file);
  throw unrecognised(folded, candidates, file);
}

const hasNames = ({ missing, unexpected }: Pick<Candidate, "missing" | "unexpected">): boolean =>
  missing.length === 0 && unexpected.length === 0;

const hasShapes = (candidate: Candidate): boolean =>
  hasNames(candidate) &&
  [...parameterShapes(candidate.network)].every(([name, shape]) =>
    sameShape(candidate.parameters.get(name)?.shape ?? [], shape),
  );

function recognised(candidate: Candidate, overrides: Overrides, file: string): Recognised {
  const { prefix, naming, network, parameters, assumed } = candidate;
  requireScale(candidate, overrides.scale, file);
  checkParameters(network, parameters, file, {
    full: true,
    nameOf: (parameter) => prefix + (publishedName(naming, parameter, network) ?? parameter),
  });
  const told: Readonly<Record<string, unknown>> = { ...overrides };
  const { title, asked = [] } = naming.architecture;
  for (const option of asked.filter((each) => told[each] === undefined)) {
    const description = descriptionOf(naming.architecture.options.shape[option] as z.core.$ZodType);
    throw new CheckpointError(
      `${file} holds ${title} and doesn't tell its ${option}, the ${description}: say it with --${option}`,
    );
  }
  return {
    network: applyOverrides(network, overrides, file),
    parameters,
    source: naming.convention.source,
    prefix,
    assumed: assumed.filter((option) => told[option] === undefined),
  };
}

/** @throws CheckpointError where a file of several scales has another than is asked for, or none is */
function requireScale({ naming, scales }: Candidate, wanted: Overrides["scale"], file: string): void {
  if (scales.length === 0 || (wanted === undefined ? scales.length === 1 : scales.some((scale) => scale === wanted)))
    return;
  const { title } = naming.architecture;
  const held = scales.map((scale) => `×${scale}`).join(", ");
  throw new CheckpointError(
    wanted === undefined
      ? `${file} holds ${title} for ${held}; say which with --scale`
      : `${file} holds ${title} for ${held}, not for ×${wanted}`,
  );
}

function assess(whole: StateDict, prefix: string, naming: Naming, overrides: Overrides, file: string): Candidate {
  const { architecture, convention } = naming;
  const { state, available: scales } = selectScale(whole, convention, overrides.scale);
  const named: StateDict = new Map();
  for (const [published, tensor] of state) {
    const canonical = canonicalName(naming, published);
    if (canonical !== undefined) named.set(canonical, tensor);
  }
  const draft = inferNetwork(named, naming, overrides);
  const shapes = parameterShapes(draft);
  const parameters = new Map([...named].map(([name, tensor]) => [name, fromPytorch(tensor, shapes.get(name))]));
  const expected = new Set([...shapes.keys()].map((parameter) => publishedName(naming, parameter, draft) ?? parameter));
  const missing = [...expected].filter((parameter) => !state.has(parameter));
  const unexpected = [...state.keys()].filter(
    (parameter) => !expected.has(parameter) && !convention.meanLayers?.includes(layerOf(parameter)),
  );
  const fits = hasNames({ missing, unexpected });
  const network = fits ? withMean(draft, readMean(state, convention, overrides.range, file)) : draft;
  const hasMean = convention.meanLayers?.some((layer) => state.has(`${layer}.bias`)) ?? false;
  const unsaid = [...("mean" in architecture.options.shape ? ["mean"] : []), "range"];
  const assumed = [...Object.keys(convention.assumed?.(draft.features) ?? {}), ...(hasMean ? [] : unsaid)];
  const matched = expected.size - missing.length;
  return { prefix, naming, network, parameters, assumed, matched, missing, unexpected, scales };
}

const withMean = (network: NetworkOptions, { mean, range }: ReturnType<typeof readMean>): NetworkOptions =>
  "mean" in network ? { ...network, mean, range } : { ...network, range };

/** The options that names and shapes tell, and what no file tells as the source's code sets it. */
function inferNetwork(
  parameters: StateDict,
  { architecture, convention }: Naming,
  overrides: Readonly<Record<string, unknown>>,
): NetworkOptions {
  const { scale, features, ...own } = architecture.infer(shapesOf(parameters));
  const mean: Mean = [0, 0, 0];
  const common = { scale, features, range: convention.range, ...("mean" in architecture.options.shape && { mean }) };
  const assumed = convention.assumed?.(features);
  const said = architecture.asked?.flatMap((option) => {
    const value = overrides[option];
    return value === undefined ? [] : [[option, value]];
  });
  return {
    architecture: architecture.name,
    ...{ ...common, ...own, ...assumed, ...Object.fromEntries(said ?? []) },
  } as NetworkOptions;
}
