import type { Attributes } from "./attributes.js";
import type { ChannelEffect, ChannelSelection } from "./channels.js";
import type { Evaluation } from "./contents.js";
import type { Node, Value } from "./graph.js";
import type { Operands, TensorType } from "./operands.js";
import type { ReachRule } from "./spans.js";
import type { TensorData } from "./types.js";

/** Element types and shapes of the outputs; `operands.fail` refuses operands that don't fit. */
export type ShapeRule = (operands: Operands) => readonly TensorType[];

/** The outputs' contents from the inputs'; undefined, or left out, where they can't be told. */
export type EvaluationRule = (evaluation: Evaluation) => readonly (TensorData | undefined)[];

/**
 * From the gradients of a node's outputs (undefined where nothing depends on one) to those of its inputs.
 * Only what `wanted` marks is computed; the rest is left undefined.
 */
export type GradientRule = (
  node: Node,
  outputGradients: readonly (Value | undefined)[],
  wanted: readonly boolean[],
) => readonly (Value | undefined)[];

export interface CostRule {
  /** Multiply-accumulate operations of a node; adding a bias isn't counted. */
  readonly multiplyAccumulates: (node: Node) => number;
  /** Whether the inputs past the first are a layer's parameters, its weight before all. */
  readonly ofWeights: boolean;
}

/** The outputs of a node, made of ONNX's own operators from `inputs`. */
export type Decomposition = (node: Node, inputs: readonly (Value | undefined)[]) => readonly Value[];

/** All that is known of an operator. Graphs, gradients, lowerings, analyses and files know operators by it alone. */
export interface Operator {
  /** ONNX's name, such as "Conv". */
  readonly name: string;
  /** ONNX's operator domain; the standard's is "". */
  readonly domain: string;
  readonly shape: ShapeRule;
  /** Left out where contents are left to the engine. Shapes that are computed, and weights, are evaluated when they are read. */
  readonly evaluate?: EvaluationRule;
  /** Left out where it can't be differentiated. "stops": its outputs count as constants. */
  readonly gradient?: GradientRule | "stops";
  /** Left out where the output's channels can't be told from the inputs'. */
  readonly channels?: ChannelEffect;
  /** For operators that may hand on a part of the channels. */
  readonly selection?: ChannelSelection;
  /** Inputs that are a layer's parameters where they are constants; none where left out, or all of an elementwise operator's. */
  readonly learned?: readonly number[];
  /** Whether each element comes from the same element of the operands alone: elements may then lie in any order. */
  readonly elementwise?: boolean;
  /** Left out where an output position may depend on all inputs; elementwise operators need none. */
  readonly reach?: ReachRule;
  /** Left out where no products are added up. */
  readonly cost?: CostRule;
  /** For operators of our own, which engines and files don't have, and for those that are newer than the opset that is written. */
  readonly decompose?: Decomposition;
  /** Whether files leave out outputs past the first that nothing reads: engines then take faster ways. */
  readonly optionalOutputs?: boolean;
  /** Attributes that files may leave to the inputs; graphs that are read from them state them. */
  readonly impliedAttributes?: (inputs: readonly (Value | undefined)[]) => Attributes;
  /** The attributes of a node's copy whose inputs have other sizes. */
  readonly resizedAttributes?: (node: Node, inputs: readonly (Value | undefined)[]) => Attributes;
}
