import type { ChannelGroup, GroupAxis, Units } from "@slimsr/core/internal/model/channels.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import type { Split } from "@slimsr/core/internal/model/split.js";
import { required } from "@slimsr/core/internal/networks/index.js";

/** Passes over the groups; each changes what its neighbours are compared with, ever less. */
const PASSES = 8;

/**
 * The same network with each channel scaled so that the weights that write it and those that read it have the same root mean
 * square: w_in ← s·w_in, w_out ← w_out / s, where all between is positively homogeneous (Nagel et al. 2019, section 4.1, who scale
 * for quantisation). An optimiser such as Adam moves every weight by about the same amount, so that this is what training
 * can begin from: a basis of balanced truncation leaves weights of 1e-4 beside some of 10, and the first steps destroy them.
 * @returns the scaled model, and what each group's channels are multiplied with
 * @param split what the parameters keep of the full network's, where they are a student's
 */
export function equalise(model: Model, split: Split = new Map()): { model: Model; scales: Float64Array[] } {
  const { parameters } = model;
  const analysis = channelAnalysis(model);
  const scales = analysis.groups.map(({ size }) => new Float64Array(size).fill(1));
  const unitsOf: UnitsOf = (parameter, axis) => {
    const units = analysis.unitsOf(parameter, axis) as Units;
    const kept = split.get(parameter.name)?.get(axis);
    return kept ? kept.flatMap(({ start, end }) => units.slice(start, end)) : units;
  };
  const scaled = new Map([...parameters.keys()].map((name) => [name, copyOf(required(parameters, name))]));
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [g, group] of analysis.groups.entries()) {
      if (group.freedom === "permutation") continue;
      const factors = factorsOf(group, scaled, unitsOf);
      scales[g] = (scales[g] as Float64Array).map((scale, unit) => scale * (factors[unit] as number));
      multiplyChannels(group, factors, scaled, unitsOf);
    }
  }
  return { model: { ...model, parameters: scaled }, scales };
}

/**
 * The same network with each group's channels multiplied by factors above 0: what writes them is, and what reads them is divided. Groups that
 * can't be scaled stay as they are.
 * @param factors of each group, as many as it has units
 */
export function scaleChannels(model: Model, factors: readonly ArrayLike<number>[]): Model {
  const { groups, unitsOf } = channelAnalysis(model);
  const { parameters } = model;
  const scaled = new Map([...parameters.keys()].map((name) => [name, copyOf(required(parameters, name))]));
  for (const [g, group] of groups.entries()) {
    if (group.freedom === "permutation") continue;
    const units: UnitsOf = (parameter, axis) => unitsOf(parameter, axis) as Units;
    multiplyChannels(group, factors[g] as ArrayLike<number>, scaled, units);
  }
  return { ...model, parameters: scaled };
}

function multiplyChannels(
  group: ChannelGroup,
  factors: ArrayLike<number>,
  parameters: ReadonlyMap<string, Tensor>,
  unitsOf: UnitsOf,
): void {
  for (const axis of group.axes) {
    if (axis.role === "scales") continue;
    forEachSlice(group, axis, parameters, unitsOf, (unit, values, start, length) => {
      const factor = axis.role === "writes" ? (factors[unit] as number) : 1 / (factors[unit] as number);
      for (let i = start; i < start + length; i++) values[i] = (values[i] as number) * factor;
    });
  }
}

type Tensor = { readonly shape: readonly number[]; readonly data: Float32Array };

const copyOf = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.slice() });

/** √(rms of what reads the channel / rms of what writes it); 1 where either is 0. Biases have no say. */
function factorsOf(group: ChannelGroup, parameters: ReadonlyMap<string, Tensor>, unitsOf: UnitsOf): number[] {
  const energies = { writes: new Float64Array(group.size), reads: new Float64Array(group.size) };
  const counts = { writes: new Float64Array(group.size), reads: new Float64Array(group.size) };
  for (const axis of group.axes) {
    const { role } = axis;
    if (role === "scales" || axis.parameter.shape.length < 2) continue;
    forEachSlice(group, axis, parameters, unitsOf, (unit, values, start, length) => {
      let energy = 0;
      for (let i = start; i < start + length; i++) energy += (values[i] as number) ** 2;
      energies[role][unit] = (energies[role][unit] as number) + energy;
      counts[role][unit] = (counts[role][unit] as number) + length;
    });
  }
  return Array.from({ length: group.size }, (_, unit) => {
    const meanOf = (role: "writes" | "reads") => (energies[role][unit] as number) / (counts[role][unit] as number);
    const factor = (meanOf("reads") / meanOf("writes")) ** (1 / 4);
    return factor > 0 && Number.isFinite(factor) ? factor : 1;
  });
}

/** The units of the indices that an axis of a parameter has. */
type UnitsOf = (parameter: GroupAxis["parameter"], axis: number) => Units;

/** Calls for each contiguous stretch of values that belongs to one of the group's units that the parameters still have. */
function forEachSlice(
  { first, size }: ChannelGroup,
  { parameter, axis }: GroupAxis,
  parameters: ReadonlyMap<string, Tensor>,
  unitsOf: UnitsOf,
  visit: (unit: number, values: Float32Array, start: number, length: number) => void,
): void {
  const { shape, data } = parameters.get(parameter.name) as Tensor;
  const units = unitsOf(parameter, axis);
  const along = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  for (let o = 0; o < outer; o++) {
    for (let index = 0; index < along; index++) {
      const unit = units[index];
      if (unit === undefined || unit < first || unit >= first + size) continue;
      visit(unit - first, data, (o * along + index) * inner, inner);
    }
  }
}
