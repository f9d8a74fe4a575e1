import { applyLike, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { type Model, modelOf } from "../model/model.js";
import type { ParameterMap } from "../networks/index.js";
import {
  abs,
  add,
  Conv,
  div,
  exp,
  type FakeQuantisationOptions,
  fakeQuantise,
  mul,
  reduceMax,
  reshape,
} from "../operators/index.js";
import { largestWeightCode } from "./integers.js";
import { integerInputs, type QuantisationPlan } from "./plan.js";

/**
 * What a rounding's range learns. `logarithm`: the scale's logarithm, so that a step of Adam's is a share of the range, whatever its size; `end`: the range's
 * end α = high · scale, as PAMS and PACT have it; `fixed`: nothing.
 */
export type LearnedRange = "logarithm" | "end" | "fixed";

/** How an activation is rounded as training begins. */
export interface ActivationRounding extends FakeQuantisationOptions {
  readonly scale: number;
  readonly learns: LearnedRange;
}

/** A convolution's parameters as training begins. */
export interface ConvolutionStart {
  /** As the weight's shape: [O, C / group, kh, kw]. */
  readonly weight: Float32Array;
  /** [O] */
  readonly bias: Float32Array;
  /** Of each filter, to be learned; where left out the scale follows from the layer's largest absolute weight. */
  readonly scales?: Float32Array;
}

/** What is rounded in a network that is trained so, by the roots of its plan. */
export interface FakeQuantisation {
  readonly weightBits: number;
  /** Activations, for whatever reads them as integers. */
  readonly activations: ReadonlyMap<Value, ActivationRounding>;
  /** Activations, for convolutions alone, behind that. */
  readonly reads: ReadonlyMap<Value, ActivationRounding>;
  readonly convolutions: ReadonlyMap<Node, ConvolutionStart>;
  /**
   * By parameters' names, numbers that they are counted in, each its own: what makes channels alike makes weights small that read them and steps of Adam's large,
   * which are those of the network as it was where its weights are learned. 1 where left out.
   */
  readonly units?: ReadonlyMap<string, Float32Array>;
}

/** Learned ends count in hundreds, so that Adam moves them 100 times as fast as weights: as PAMS's authors train them (1e-2 to 1e-4). */
const END_UNIT = 100;

/** What a learned logarithm counts in, so that a range moves by a thousandth where weights move by 1e-4. */
const LOG_RATE = 10;

/** Parameters of ranges that learn their end, which PACT decays. */
export const isRangeEnd = (name: string): boolean => name.endsWith(".range_end");

/** α² of a learned end. */
export const squaredEnd = (parameter: Value): Value => mul(mul(parameter, parameter), END_UNIT ** 2);

/**
 * The plan's network with what computes with integers in front of it rounded as it will be, and trained through: activations where integer nodes make
 * or read them, and convolutions' weights. Ranges are parameters beside the network's own.
 * @param model whose graph the plan's is an instance of
 */
export function fakeQuantised(model: Model, plan: QuantisationPlan, quantisation: FakeQuantisation): Model {
  const { graph: source, arithmetic, rootOf, rectified } = plan;
  const { activations, reads, convolutions, weightBits, units } = quantisation;
  const parameters: ParameterMap = new Map();
  const places = new Set<Value>();
  const graph = rewriteLazily(source, (target, imageOf) => {
    const parameter = (name: string, data: Float32Array, shape: readonly number[]): Value => {
      const unit = units?.get(name);
      if (!unit) return placeOf(name, data, shape);
      const counted = data.map((number, i) => number / (unit[i] as number));
      return mul(placeOf(name, counted, shape), target.constant(unit, shape));
    };
    const placeOf = (name: string, data: Float32Array, shape: readonly number[]): Value => {
      const place = target.constant(data, shape, { name: target.unusedName(name) });
      parameters.set(place.name, { shape: [...shape], data });
      places.add(place);
      return place;
    };
    const scales = new Map<ActivationRounding, Value>();
    const scaleOf = (rounding: ActivationRounding, name: string): Value => {
      const known = scales.get(rounding);
      if (known) return known;
      const made = learnedScale(rounding, name, parameter, (number) => target.constant(Float32Array.of(number), [1]));
      scales.set(rounding, made);
      return made;
    };
    /** A parameter of the network's own, once for all that read it. */
    const owns = new Map<Value, Value>();
    const ownOf = (value: Value): Value => {
      if (!value.data || !model.places.has(value.name)) return imageOf(value);
      const made = owns.get(value) ?? parameter(value.name, value.data as Float32Array, value.shape);
      owns.set(value, made);
      return made;
    };
    const rounded = (image: Value, rounding: ActivationRounding | undefined, name: string): Value =>
      rounding ? fakeQuantise(image, scaleOf(rounding, name), rounding) : image;
    const isFloat = ({ producer }: Value) => !producer || arithmetic(producer) === "float";
    const once = new Map<string, Value>();
    /** As integer nodes read it, convolutions or others. */
    const read = (value: Value, reader: Node): Value => {
      const isConvolution = reader.operator === Conv;
      const key = `${value.name} ${isConvolution}`;
      const root = rootOf(value);
      const known = once.get(key);
      if (known) return known;
      const kept = isFloat(value) ? rounded(imageOf(value), activations.get(root), root.name) : imageOf(value);
      const made = isConvolution ? rounded(kept, reads.get(root), `${root.name}.read`) : kept;
      once.set(key, made);
      return made;
    };
    const parametersOf = (node: Node): (Value | undefined)[] => {
      const start = convolutions.get(node);
      const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
      if (!start) return [ownOf(weight), bias && ownOf(bias)];
      const made = parameter(weight.name, start.weight, weight.shape);
      const offsets = bias && parameter(bias.name, start.bias, bias.shape);
      const high = largestWeightCode(weightBits);
      if (!start.scales) {
        return [fakeQuantise(made, largestScale(made, high), { low: -high, high, scaleGradient: "none" }), offsets];
      }
      const filters = start.scales.length;
      const logarithms = start.scales.map((each) => Math.log(each) / LOG_RATE);
      const scale = exp(mul(parameter(`${weight.name}.log_scale`, logarithms, [filters]), LOG_RATE));
      const each = reshape(scale, [filters, ...weight.shape.slice(1).map(() => 1)]);
      const root = rootOf(x);
      const rounding = reads.get(root) ?? activations.get(root);
      // A bias is added to products of integers, in their steps.
      const step = rounding && mul(scale, scaleOf(rounding, root.name));
      const bounds = { low: -LARGEST_BIAS, high: LARGEST_BIAS, scaleGradient: "none" } as const;
      return [
        fakeQuantise(made, each, { low: -high, high }),
        offsets && step ? fakeQuantise(offsets, step, bounds) : offsets,
      ];
    };
    return (node) => {
      const kind = arithmetic(node);
      const integers = kind === "integer" || kind === "joining" ? integerInputs(node, kind) : [];
      const own = kind === "integer" && node.operator === Conv ? () => parametersOf(node) : undefined;
      const inputs = own
        ? [read(node.inputs[0] as Value, node), ...own()]
        : node.inputs.map((value) => value && (integers.includes(value) ? read(value, node) : ownOf(value)));
      const outputs = applyLike(node, target, inputs);
      if (kind === "float") return outputs;
      return outputs.map((made, i) => {
        const value = node.outputs[i] as Value;
        const isCut = rectified.get(node.inputs[0] as Value) === value;
        // What a rectifier cuts off is rounded behind it; what is moved has been rounded.
        const isRounded = kind === "moving" ? isCut : !rectified.has(value);
        const root = rootOf(value);
        return isRounded ? rounded(made, activations.get(root), root.name) : made;
      });
    };
  });
  const { range, size, reach, origin } = model.descriptor;
  return modelOf(graph, (value) => places.has(value), parameters, { range, size, reach, origin });
}

type NewParameter = (name: string, data: Float32Array, shape: readonly number[]) => Value;

function learnedScale(
  { learns, scale, high }: ActivationRounding,
  name: string,
  parameter: NewParameter,
  constant: (number: number) => Value,
): Value {
  switch (learns) {
    case "fixed":
      return constant(scale);
    case "logarithm":
      return exp(mul(parameter(`${name}.log_scale`, Float32Array.of(Math.log(scale) / LOG_RATE), [1]), LOG_RATE));
    case "end":
      return mul(parameter(`${name}.range_end`, Float32Array.of((scale * high) / END_UNIT), [1]), END_UNIT / high);
  }
}

/** What a fake quantisation rounds without loss in single precision. */
const LARGEST_BIAS = 2 ** 22;

/** Keeps a layer of zeros from having the scale 0. */
const LEAST = 1e-8;

function largestScale(weight: Value, code: number): Value {
  const axes = weight.shape.map((_, axis) => axis);
  return div(add(reshape(reduceMax(abs(weight), { axes }), [1]), LEAST), code);
}
