import { SCALE_SUFFIX } from "../checkpoints/quantised.js";
import { applyLike, Graph, intOr, liveNodes, type Node, type Shape, type Value } from "../graph/index.js";
import { cast, clip, dequantizeLinear, quantizeLinear, slice } from "../operators/index.js";
import { type ActivationScale, type IntegerWeight, integerBias, LARGEST_CODE, PACKED_BITS } from "./integers.js";
import { integerInputs, type QuantisationPlan } from "./plan.js";

/** The integers of a network. */
export interface Quantisation {
  /** Of the roots of all that integer nodes read and write; see `QuantisationPlan.rootOf`. */
  readonly activations: ReadonlyMap<Value, ActivationScale>;
  /** Of integer convolutions, with their biases. */
  readonly convolutions: ReadonlyMap<Node, IntegerConvolution>;
  /** Of convolutions in float behind what is rounded, in place of their own. */
  readonly refitted: ReadonlyMap<Node, FloatConvolution>;
  /** Of weights, their sign among them; up to 4, files pack two a byte. */
  readonly bits: number;
}

/** A network's integers, where convolutions read some activations in fewer bits than is kept of them. */
export interface CoarseQuantisation extends Quantisation {
  /** By roots: at which scale convolutions read their numbers. */
  readonly reads: ReadonlyMap<Value, ActivationScale>;
}

export interface FloatConvolution {
  /** As the weight's: [O, C / group, kh, kw]. */
  readonly weight: Float32Array;
  /** [O] */
  readonly bias: Float32Array;
}

export interface IntegerConvolution extends IntegerWeight {
  /** [O] */
  readonly bias: Float32Array;
}

/**
 * The network as engines take it for one of integers: each integer node between DequantizeLinear and QuantizeLinear, activations
 * uint8, weights int8 with a scale for each filter, biases int32. Engines without kernels of integers compute it in float, with
 * the same roundings.
 */
export function quantisedGraph(
  { graph: source, arithmetic, rootOf, rectified }: QuantisationPlan,
  quantisation: Quantisation,
): Graph {
  const target = new Graph(source.name, [...source.outputs.keys(), ...source.constants.map(({ name }) => name)]);
  /** Copies in float, and of integers. */
  const floats = new Map<Value, Value>(
    source.inputs.map((value) => [value, target.input(value.name, value.shape, value.dtype)]),
  );
  const codes = new Map<Value, Value>();
  const scaleOf = (value: Value): [Value, Value] => {
    const { scale, zeroPoint } = quantisation.activations.get(rootOf(value)) as ActivationScale;
    return [
      target.scalar(scale),
      target.shared(`zero point ${zeroPoint}`, () => target.constant(Uint8Array.of(zeroPoint), [])),
    ];
  };
  /** Whether its integers are of several scales, which layers of integers take into their weights. */
  const isJoined = ({ producer }: Value) => producer !== undefined && arithmetic(producer) === "joining";
  const inFloat = (value: Value): Value => {
    const known = floats.get(value);
    if (known) return known;
    const { producer } = value;
    const made =
      producer && isJoined(value)
        ? (applyLike(producer, target, (producer.inputs as readonly Value[]).map(inFloat))[0] as Value)
        : codes.has(value)
          ? dequantised(value)
          : target.constant(value.data as Float32Array, value.shape, { dtype: value.dtype });
    floats.set(value, made);
    return made;
  };
  const codesOf = (value: Value): Value => {
    const made = codes.get(value) ?? quantizeLinear(inFloat(value), ...scaleOf(value));
    codes.set(value, made);
    return made;
  };
  const dequantised = (value: Value): Value => dequantizeLinear(codesOf(value), ...scaleOf(value));
  /** What a layer in float reads. Right behind bytes the engine would quantise its weights too, by one scale: cutting nothing off keeps them apart. */
  const apart = (value: Value): Value => {
    if (!codes.has(value) || isJoined(value)) return inFloat(value);
    const { scale, zeroPoint, largest = LARGEST_CODE } = quantisation.activations.get(rootOf(value)) as ActivationScale;
    return clip(inFloat(value), -zeroPoint * scale, (largest - zeroPoint) * scale);
  };
  for (const node of liveNodes(source)) {
    const kind = arithmetic(node);
    const [x] = node.inputs as readonly [Value];
    // What is cut off at zero is, by the integers' range.
    if (rectified.get(x) === node.outputs[0] && kind === "moving") continue;
    if (kind === "joining") {
      const [joined] = applyLike(node, target, (node.inputs as readonly Value[]).map(codesOf));
      codes.set(node.outputs[0] as Value, joined as Value);
      continue;
    }
    const convolution = quantisation.convolutions.get(node);
    const refit = quantisation.refitted.get(node);
    const integers = kind === "float" ? [] : integerInputs(node, kind);
    const inputs = convolution
      ? [
          dequantised(x),
          ...integerParameters(
            target,
            { weight: node.inputs[1] as Value, bias: node.inputs[2] },
            forKernels(node, convolution),
            quantisation.activations.get(rootOf(x)) as ActivationScale,
            quantisation.bits,
          ),
        ]
      : refit
        ? [apart(x), ...floatParameters(target, node, refit)]
        : node.inputs.map((value) => value && (integers.includes(value) ? dequantised(value) : inFloat(value)));
    const outputs = applyLike(node, target, inputs);
    node.outputs.forEach((value, i) => {
      const made = outputs[i] as Value;
      const shown = rectified.get(value) ?? value;
      if (kind === "float") floats.set(value, made);
      else codes.set(shown, firstChannels(quantizeLinear(made, ...scaleOf(shown)), value.shape));
    });
  }
  for (const [name, value] of source.outputs) target.output(name, inFloat(value));
  return target;
}

/** Without the channels of filters that were added. @param codes of bytes, or of floats */
export function firstChannels(codes: Value, shape: Shape): Value {
  const [, channels] = shape;
  return codes.shape[1] === channels ? codes : slice(codes, [{ axis: 1, start: 0, end: channels as number }]);
}

/** Filters that the engine's fastest kernel for x86 takes, of channels that it takes: a multiple of 8 from 16 on, and of 4. */
const [LEAST_FILTERS, FILTERS, CHANNELS] = [16, 8, 4];

/** The convolution with filters of zeros added that a faster kernel takes; what it makes of them, nothing reads. */
export function forKernels(node: Node, convolution: IntegerConvolution): IntegerConvolution {
  const [, weight] = node.inputs as [Value, Value];
  const [filters, channels] = weight.shape as [number, number];
  if (intOr(node.attributes, "group", 1) !== 1 || channels % CHANNELS !== 0) return convolution;
  const wanted = Math.max(LEAST_FILTERS, Math.ceil(filters / FILTERS) * FILTERS);
  const { codes, scales, bias } = convolution;
  const wide = new Int8Array((codes.length / filters) * wanted);
  wide.set(codes);
  const each = (of: Float32Array, rest: number) => Float32Array.from({ length: wanted }, (_, o) => of[o] ?? rest);
  return { codes: wide, scales: each(scales, 1), bias: each(bias, 0) };
}

/** A convolution's weight and bias, of their own even where layers share them. */
const floatParameters = (target: Graph, { inputs }: Node, { weight, bias }: FloatConvolution): Value[] =>
  [weight, bias].map((data, i) => {
    const { name, shape } = inputs[i + 1] as Value;
    return target.constant(data, shape, { name: target.unusedName(name) });
  });

/** The float parameters that integers stand for. */
interface Places {
  readonly weight: Pick<Value, "name" | "shape">;
  readonly bias?: Pick<Value, "name"> | undefined;
}

/** A convolution's weight and bias as DequantizeLinear makes them of integers. @param places whose names they have, and whose shape but for filters */
export function integerParameters(
  target: Graph,
  places: Places,
  { codes, scales, bias }: IntegerConvolution,
  { scale }: ActivationScale,
  bits: number,
): [Value, Value] {
  const filters = scales.length;
  const shape = [filters, ...places.weight.shape.slice(1)];
  const [weightNames, biasNames] = [namesOf(target, places.weight), places.bias && namesOf(target, places.bias)];
  const each = target.constant(scales, [filters], { name: weightNames.scale });
  const none = target.shared(`no zero points ${filters}`, () => target.constant(new Int8Array(filters), [filters]));
  const noneOfBias = target.shared(`zero points of biases ${filters}`, () =>
    target.constant(new Int32Array(filters), [filters]),
  );
  const isPacked = bits <= PACKED_BITS;
  const stored = target.constant(codes, shape, {
    name: weightNames.codes,
    dtype: isPacked ? "int4" : "int8",
  });
  const products = scales.map((each) => Math.fround(each * scale));
  return [
    // Engines unpack them once, when they read the file, and have kernels for bytes.
    dequantizeLinear(isPacked ? cast(stored, "int8") : stored, each, none, 0),
    dequantizeLinear(
      target.constant(integerBias(bias, scale, scales), [filters], biasNames && { name: biasNames.codes }),
      target.constant(products, [filters], biasNames && { name: biasNames.scale }),
      noneOfBias,
      0,
    ),
  ];
}

/** Names of a parameter's integers and of their scales, as checkpoints have them. */
function namesOf(target: Graph, { name }: Pick<Value, "name">): { codes: string; scale: string } {
  const codes = target.unusedName(name);
  return { codes, scale: target.unusedName(`${codes}${SCALE_SUFFIX}`) };
}

/** What a convolution's integers stand for. */
export function dequantised({ codes, scales, bias }: IntegerConvolution): FloatConvolution {
  const size = codes.length / scales.length;
  return { weight: Float32Array.from(codes, (code, i) => code * (scales[Math.floor(i / size)] as number)), bias };
}
