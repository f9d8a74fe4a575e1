import {
  blockedConv,
  blockedMaxPool,
  clip,
  elements,
  expand,
  Graph,
  intOr,
  liveNodes,
  mul,
  type Node,
  reduceSum,
  reorderInput,
  reorderOutput,
  reorderToChannelsLast,
  reshape,
  sameShape,
  textOr,
  type Value,
} from "../graph/index.js";
import { blockedWeightGradient } from "./blocked-weight-gradient.js";
import { blockedBias, blockedWeight } from "./blocked-weights.js";
import { permuteChunks } from "./chunks.js";
import { adjointPads, geometryOf, isPlain, shape4 } from "./convolution.js";
import { Layouts } from "./layouts.js";
import { portableReplacement, shapeAttribute } from "./portable.js";

/**
 * Writes a graph so that its convolutions, and all between them, run in ONNX Runtime's blocked layout with blocks of `block`
 * channels. The engine does this by itself for constant weights only; here weights are inputs, and gradients take part.
 */
export function lowerBlocked(source: Graph, block: number): Graph {
  return new BlockedLowering(source, block).run();
}

class BlockedLowering {
  readonly #target: Graph;
  readonly #layouts: Layouts;
  readonly #readers = new Map<Value, Node[]>();
  readonly #fused = new Set<Node>();

  constructor(
    private readonly source: Graph,
    private readonly block: number,
  ) {
    this.#target = new Graph(source.name);
    this.#layouts = new Layouts(this.#target, block);
    for (const node of liveNodes(source)) {
      for (const value of node.inputs) {
        if (!value) continue;
        const readers = this.#readers.get(value);
        if (readers) readers.push(node);
        else this.#readers.set(value, [node]);
      }
    }
  }

  run(): Graph {
    for (const value of this.source.inputs) {
      this.#layouts.setPlain(value, this.#target.input(value.name, value.shape, value.dtype));
    }
    for (const node of liveNodes(this.source)) {
      if (!this.#fused.has(node) && !this.#lower(node)) this.#carryOver(node);
    }
    for (const [name, value] of this.source.outputs) this.#target.output(name, this.#layouts.plain(value));
    return this.#target;
  }

  /** Writes the node for the blocked layout; false where it is better left in NCHW. */
  #lower(node: Node): boolean {
    switch (node.operator) {
      case "Conv":
        return this.#conv(node);
      case "ConvInputGradient":
        return this.#inputGradient(node);
      case "ConvWeightGradient":
        return this.#weightGradient(node);
      case "MaxPool":
        return this.#maxPool(node);
      case "DepthToSpace":
        return this.#shuffle(node);
      case "PixelUnshuffle":
        return this.#unshuffle(node);
      case "Sign":
        return this.#sign(node);
      case "ReduceSum":
        return this.#reduceSum(node);
      case "ReduceL1":
        return this.#reduceAll(node);
      case "Expand":
        return this.#expand(node);
      case "Slice":
      case "Concat":
        return this.#rearrange(node);
      default:
        return this.#elementwise(node);
    }
  }

  #carryOver(node: Node): void {
    const inputs = node.inputs.map((value) => value && this.#layouts.plain(value));
    const { operator, attributes, domain } = node;
    const outputs = portableReplacement(node, inputs) ?? this.#target.apply(operator, inputs, attributes, { domain });
    node.outputs.forEach((value, i) => {
      const output = outputs[i];
      if (output) this.#layouts.setPlain(value, output);
    });
  }

  /** x as a blocked convolution takes it: blocked, or NCHW where it has fewer channels than a block; undefined where it can't. */
  #convInput(x: Value): Value | undefined {
    if (this.#layouts.fits(x)) return this.#layouts.blocked(x);
    return (x.shape[1] as number) < this.block ? this.#layouts.plain(x) : undefined;
  }

  #conv(node: Node): boolean {
    const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
    const geometry = geometryOf(node.attributes);
    const output = node.outputs[0] as Value;
    if (!isPlain(geometry) || !this.#worthwhile(x, output)) return false;
    const input = this.#convInput(x);
    if (!input) return false;
    const relu = this.#onlyReader(output, "Relu");
    const made = blockedConv(
      input,
      blockedWeight(this.#layouts.plain(weight), this.block, false),
      bias && blockedBias(this.#layouts.plain(bias), this.block),
      { pads: geometry.pads, relu: relu !== undefined },
    );
    if (relu) this.#fused.add(relu);
    this.#layouts.setBlocked(relu?.outputs[0] ?? output, made);
    return true;
  }

  #inputGradient(node: Node): boolean {
    const [dy, weight] = node.inputs as [Value, Value];
    const geometry = geometryOf(node.attributes);
    const pads = adjointPads(geometry);
    const output = node.outputs[0] as Value;
    if (!isPlain(geometry) || pads.some((size) => size < 0) || !this.#worthwhile(dy, output)) return false;
    const input = this.#convInput(dy);
    if (!input) return false;
    const made = blockedConv(input, blockedWeight(this.#layouts.plain(weight), this.block, true), undefined, { pads });
    this.#layouts.setBlocked(output, made);
    return true;
  }

  /** A single position (attention's gates) isn't worth a change of layout; images into images aren't either. */
  #worthwhile(x: Value, y: Value): boolean {
    const [, channels, height, width] = shape4(y);
    return height * width > 1 && Math.max(channels, x.shape[1] as number) >= this.block;
  }

  #onlyReader(value: Value, operator: string): Node | undefined {
    const readers = this.#readers.get(value) ?? [];
    const isOutput = [...this.source.outputs.values()].includes(value);
    return readers.length === 1 && readers[0]?.operator === operator && !isOutput ? readers[0] : undefined;
  }

  #weightGradient(node: Node): boolean {
    const [x, dy] = node.inputs as [Value, Value];
    const made = blockedWeightGradient(this.#layouts, x, dy, shapeAttribute(node), geometryOf(node.attributes));
    if (!made) return false;
    this.#layouts.setPlain(node.outputs[0] as Value, made);
    return true;
  }

  /** Without a gradient nobody reads the indices. */
  #maxPool(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const [output, indices] = node.outputs as [Value, Value];
    const { kernel, strides, pads, dilations } = geometryOf(node.attributes);
    const simple = [...pads.map((size) => size + 1), ...dilations].every((size) => size === 1);
    if (!this.#layouts.hasBlocked(x) || this.#readers.has(indices) || !simple) return false;
    if (intOr(node.attributes, "ceil_mode", 0) !== 0) return false;
    this.#layouts.setBlocked(output, blockedMaxPool(this.#layouts.blocked(x), kernel, strides));
    return true;
  }

  /** Pixel shuffle: each pixel's [C, r²] is turned to [r², C] by a reorder, then whole blocks of C move to their places. */
  #shuffle(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const output = node.outputs[0] as Value;
    if (textOr(node.attributes, "mode", "DCR") !== "CRD") return false;
    if (!this.#layouts.isBlocked(x) || !this.#layouts.fits(x) || !this.#layouts.fits(output)) return false;
    const { block } = this;
    const [batch, wide, height, width] = shape4(x);
    const r = intOr(node.attributes, "blocksize", 1);
    const channels = wide / r ** 2;
    const pixels = reshape(reorderToChannelsLast(this.#layouts.blocked(x)), [batch * height * width, channels, r, r]);
    const grouped = [batch, height, width, channels / block, r, r];
    const moved = permuteChunks(reorderInput(pixels), grouped, [0, 3, 1, 4, 2, 5], block);
    this.#layouts.setBlocked(output, reshape(moved, output.shape));
    return true;
  }

  /** The same steps backwards. */
  #unshuffle(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const output = node.outputs[0] as Value;
    if (!this.#layouts.isBlocked(x) || !this.#layouts.fits(x) || !this.#layouts.fits(output)) return false;
    const { block } = this;
    const [batch, wide, height, width] = shape4(output);
    const r = intOr(node.attributes, "blocksize", 1);
    const channels = wide / r ** 2;
    const placed = [batch, channels / block, height, r, width, r];
    const moved = permuteChunks(this.#layouts.blocked(x), placed, [0, 2, 4, 1, 3, 5], block);
    const pixels = reorderOutput(reshape(moved, [batch * height * width, channels, r, r]), channels);
    // [N, H, W, C·r²] in memory; blocks of channels go outwards.
    const blocks = permuteChunks(pixels, [batch, height * width, wide / block], [0, 2, 1], block);
    this.#layouts.setBlocked(output, reshape(blocks, output.shape));
    return true;
  }

  /** The engine's Sign runs on one thread; this, the same for all but subnormal numbers, on all. */
  #sign(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const output = node.outputs[0] as Value;
    const blocked = this.#layouts.isBlocked(x) && this.#layouts.fits(x);
    const made = clip(mul(blocked ? this.#layouts.blocked(x) : this.#layouts.plain(x), 2 ** 126), -1, 1);
    if (blocked) this.#layouts.setBlocked(output, made);
    else this.#layouts.setPlain(output, made);
    return true;
  }

  /** A bias' gradient: Σ over batch and positions, [N, C, H, W] → [C]. */
  #reduceSum(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const axes = Array.from((node.inputs[1]?.data ?? []) as BigInt64Array, Number);
    const output = node.outputs[0] as Value;
    if (axes.length === 0) return this.#reduceAll(node);
    if (axes.join() !== "0,2,3" || output.shape.length !== 1) return false;
    if (!this.#layouts.isBlocked(x) || !this.#layouts.fits(x)) return false;
    const [batch, channels, height, width] = shape4(x);
    const grouped = reshape(this.#layouts.blocked(x), [batch, channels / this.block, height * width, this.block]);
    const summed = reduceSum(reduceSum(grouped, { axes: [2] }), { axes: [0] });
    this.#layouts.setPlain(output, reshape(summed, [channels]));
    return true;
  }

  /** Over all elements their order doesn't matter. */
  #reduceAll(node: Node): boolean {
    const [x] = node.inputs as [Value];
    if (!this.#layouts.isBlocked(x) || !this.#layouts.fits(x) || node.inputs.length > 1 || node.attributes.axes)
      return false;
    const output = node.outputs[0] as Value;
    if (output.shape.length !== 0) return false;
    this.#layouts.setPlain(
      output,
      this.#target.apply(node.operator, [this.#layouts.blocked(x)], node.attributes)[0] as Value,
    );
    return true;
  }

  /** [N, C, 1, 1] to all positions: the gradient of attention's means. */
  #expand(node: Node): boolean {
    const [x] = node.inputs as [Value];
    const output = node.outputs[0] as Value;
    if (!this.#layouts.fits(output) || !this.#isPerChannel(x, output)) return false;
    const [batch, channels, height, width] = shape4(output);
    const grouped = reshape(this.#layouts.plain(x), [x.shape[0] as number, channels / this.block, 1, this.block]);
    const spread = expand(grouped, [batch, channels / this.block, height * width, this.block]);
    this.#layouts.setBlocked(output, reshape(spread, output.shape));
    return true;
  }

  /** Whole samples, or whole blocks of channels, lie together in either layout. */
  #rearrange(node: Node): boolean {
    const tensors = (node.operator === "Concat" ? node.inputs : node.inputs.slice(0, 1)) as Value[];
    const output = node.outputs[0] as Value;
    if (!tensors.some((value) => this.#layouts.isBlocked(value))) return false;
    if (![output, ...tensors].every((value) => this.#layouts.fits(value))) return false;
    const axis = this.#rearrangedAxis(node);
    if (axis !== 0 && axis !== 1) return false;
    const inputs = node.inputs.map(
      (value) => value && (tensors.includes(value) ? this.#layouts.blocked(value) : this.#layouts.plain(value)),
    );
    this.#layouts.setBlocked(output, this.#target.apply(node.operator, inputs, node.attributes)[0] as Value);
    return true;
  }

  /** The axis that a Concat or Slice works along; undefined where there are several, or blocks are cut. */
  #rearrangedAxis(node: Node): number | undefined {
    if (node.operator === "Concat") return intOr(node.attributes, "axis", 0);
    const [, starts, , axes, steps] = node.inputs.map((value) =>
      Array.from((value?.data ?? []) as BigInt64Array, Number),
    );
    if (steps?.some((step) => step !== 1) || axes?.length !== 1) return undefined;
    return axes[0] === 1 && (starts?.[0] as number) % this.block !== 0 ? undefined : axes[0];
  }

  /**
   * Elementwise operators don't mind the order of elements as long as all operands have the same; what has one value a
   * channel is grouped into blocks beside them.
   */
  #elementwise(node: Node): boolean {
    if (!ELEMENTWISE.has(node.operator)) return false;
    const output = node.outputs[0] as Value;
    const inputs = node.inputs as Value[];
    const full = inputs.filter((value) => this.#isFull(value, output));
    const perChannel = inputs.filter((value) => !full.includes(value) && this.#isPerChannel(value, output));
    const rest = inputs.filter((value) => !full.includes(value) && !perChannel.includes(value));
    const [, channels] = shape4(output);
    if (output.shape.length !== 4 || channels % this.block !== 0) return false;
    if (rest.some((value) => elements(value.shape) !== 1)) return false;
    if (!full.some((value) => this.#layouts.isBlocked(value))) return false;
    const grouped = perChannel.length > 0;
    const images = inputs.map((value) => {
      if (rest.includes(value)) return this.#layouts.plain(value);
      if (!full.includes(value)) {
        return reshape(this.#layouts.plain(value), [value.shape[0] as number, channels / this.block, 1, this.block]);
      }
      const image = this.#layouts.blocked(value);
      return grouped ? this.#grouped(image) : image;
    });
    const made = this.#target.apply(node.operator, images, node.attributes)[0] as Value;
    this.#layouts.setBlocked(output, grouped ? reshape(made, output.shape) : made);
    return true;
  }

  /** A blocked value with its blocks as an axis: [N, C/b, H·W, b]. */
  #grouped(image: Value): Value {
    const [batch, channels, height, width] = shape4(image);
    return reshape(image, [batch, channels / this.block, height * width, this.block]);
  }

  /** All of the output's positions; the batch may broadcast. */
  #isFull({ shape }: Value, output: Value): boolean {
    return shape.length === 4 && sameShape(shape.slice(1), output.shape.slice(1));
  }

  #isPerChannel({ shape }: Value, output: Value): boolean {
    const [batch, channels] = shape4(output);
    const whole = shape.length === 4 && shape[1] === channels && shape[2] === 1 && shape[3] === 1;
    return whole && (shape[0] === batch || shape[0] === 1);
  }
}

const ELEMENTWISE = new Set([
  ...[
    "Abs",
    "Neg",
    "Sign",
    "Sqrt",
    "Exp",
    "Log",
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Identity",
    "Cast",
  ],
  ...["Clip", "StopGradient", "Add", "Sub", "Mul", "Div", "Sum", "Greater", "Less", "Equal", "Where", "Min", "Max"],
]);
