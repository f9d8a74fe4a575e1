import { applyLike, Graph, liveNodes, type Node, type Value } from "../graph/index.js";
import { dequantizeLinear, quantizeLinear } from "../operators/index.js";
import { type ActivationScale, type IntegerWeight, integerBias } from "./integers.js";
import { integerInputs, type QuantisationPlan } from "./plan.js";

/** The integers of a network. */
export interface Quantisation {
  /** Of the roots of all that integer nodes read and write; see `QuantisationPlan.rootOf`. */
  readonly activations: ReadonlyMap<Value, ActivationScale>;
  /** Of integer convolutions, with their biases. */
  readonly convolutions: ReadonlyMap<Node, IntegerConvolution>;
}

/** A network's integers, where convolutions read some activations in fewer bits than is kept of them. */
export interface CoarseQuantisation extends Quantisation {
  /** By roots: at which scale convolutions read their numbers. */
  readonly reads: ReadonlyMap<Value, ActivationScale>;
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
  const inFloat = (value: Value): Value => {
    const known = floats.get(value);
    if (known) return known;
    const made = codes.has(value)
      ? dequantised(value)
      : target.constant(value.data as Float32Array, value.shape, { dtype: value.dtype });
    floats.set(value, made);
    return made;
  };
  const dequantised = (value: Value): Value => {
    if (!codes.has(value)) codes.set(value, quantizeLinear(inFloat(value), ...scaleOf(value)));
    return dequantizeLinear(codes.get(value) as Value, ...scaleOf(value));
  };
  for (const node of liveNodes(source)) {
    const kind = arithmetic(node);
    const [x] = node.inputs as readonly [Value];
    // What is cut off at zero is, by the integers' range.
    if (rectified.get(x) === node.outputs[0] && kind === "moving") continue;
    const convolution = quantisation.convolutions.get(node);
    const integers = kind === "float" ? [] : integerInputs(node, kind);
    const inputs = convolution
      ? [
          dequantised(x),
          ...integerParameters(
            target,
            node.inputs[1] as Value,
            convolution,
            quantisation.activations.get(rootOf(x)) as ActivationScale,
          ),
        ]
      : node.inputs.map((value) => value && (integers.includes(value) ? dequantised(value) : inFloat(value)));
    const outputs = applyLike(node, target, inputs);
    node.outputs.forEach((value, i) => {
      const made = outputs[i] as Value;
      const shown = rectified.get(value) ?? value;
      if (kind === "float") floats.set(value, made);
      else codes.set(shown, quantizeLinear(made, ...scaleOf(shown)));
    });
  }
  for (const [name, value] of source.outputs) target.output(name, inFloat(value));
  return target;
}

/** A convolution's weight and bias as DequantizeLinear makes them of integers. @param weight whose name and shape they have */
export function integerParameters(
  target: Graph,
  { name, shape }: Pick<Value, "name" | "shape">,
  { codes, scales, bias }: IntegerConvolution,
  { scale }: ActivationScale,
): [Value, Value] {
  const filters = scales.length;
  const each = target.constant(scales, [filters]);
  const none = target.shared(`no zero points ${filters}`, () => target.constant(new Int8Array(filters), [filters]));
  const noneOfBias = target.shared(`zero points of biases ${filters}`, () =>
    target.constant(new Int32Array(filters), [filters]),
  );
  const stored = target.constant(codes, shape, { name: target.unusedName(name) });
  const products = scales.map((each) => Math.fround(each * scale));
  return [
    dequantizeLinear(stored, each, none, 0),
    dequantizeLinear(
      target.constant(integerBias(bias, scale, scales), [filters]),
      target.constant(products, [filters]),
      noneOfBias,
      0,
    ),
  ];
}

/** What a convolution's integers stand for. */
export function dequantised({ codes, scales, bias }: IntegerConvolution): { weight: Float32Array; bias: Float32Array } {
  const size = codes.length / scales.length;
  return { weight: Float32Array.from(codes, (code, i) => code * (scales[Math.floor(i / size)] as number)), bias };
}
