import { CheckpointError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import { ARCHITECTURES, architectureOf } from "../networks/index.js";
import { SOURCES } from "./conventions.js";
import { printable } from "./printable.js";
import type { Candidate } from "./recognise.js";
import { differences } from "./shapes.js";
import type { StateDict } from "./state.js";

/** Names of a layer that tells a network that is often met and isn't built here. */
const FOREIGN: readonly (readonly [network: string, name: RegExp])[] = [
  ["SwinIR", /(^|\.)layers\.\d+\.residual_group\.blocks\.\d+\.attn\./],
  ["NAFNet", /(^|\.)middle_blks\.\d+\./],
  ["Restormer", /(^|\.)encoder_level1\.\d+\./],
];

/** What makes an ONNX file of a network in PyTorch. */
const EXPORT =
  'torch.onnx.export(model.eval(), torch.rand(1, 3, 64, 64), "model.onnx", input_names=["input"], ' +
  'output_names=["output"], dynamic_axes={"input": {2: "height", 3: "width"}, "output": {2: "height_out", 3: "width_out"}})';

/** What a state that fits no naming has, what it comes nearest to, and how its network is read all the same. */
export function unrecognised(state: StateDict, candidates: readonly Candidate[], file: string): CheckpointError {
  if (state.size === 0)
    return new CheckpointError(`${file} holds no weights: no tensor of floating-point numbers is in it`);
  const seen = [...state].slice(0, 4).map(([name, { shape }]) => `${printable(name)} ${showDimensions(shape)}`);
  const [first, ...rest] = candidates;
  const nearest = rest.reduce(
    (best, candidate) => (candidate.matched > (best?.matched ?? 0) ? candidate : best),
    first,
  );
  const foreign = FOREIGN.find(([, name]) => [...state.keys()].some((each) => name.test(each)))?.[0];
  const other = foreign === undefined ? "" : `Its names are ${foreign}'s. `;
  return new CheckpointError(
    `${file} holds no network that is recognised. It has ${state.size} tensors (${seen.join(", ")}${state.size > 4 ? ", …" : ""}). ` +
      `${other}${comparison(nearest)}. Networks of other architectures are read from ONNX: export it with ${EXPORT}`,
  );
}

function comparison(nearest: Candidate | undefined): string {
  if (!nearest || nearest.matched === 0)
    return `${list(ARCHITECTURES.map(({ title }) => title))} are recognised, by the names of ${list(SOURCES)}`;
  const { naming, network, matched, missing, unexpected } = nearest;
  const { title } = architectureOf(network);
  const common = `${matched} ${matched === 1 ? "name" : "names"} in common`;
  return `Nearest is ${title} with ${naming.convention.source} names: ${differences(missing, unexpected)}; ${common}`;
}

/** "EDSR, RCAN and CARN". */
const list = (names: readonly string[]): string => new Intl.ListFormat("en-GB").format(names);
