import {
  type AxisRole,
  type Channels,
  type ChannelTrace,
  type Freedom,
  type Node,
  UnknownEffect,
  unknownEffect,
  type Value,
} from "../graph/index.js";
import { Atoms, IMAGE } from "./atoms.js";

/** A parameter's axis and the channels that it runs along. */
export interface TracedAxis {
  readonly parameter: Value;
  readonly axis: number;
  readonly role: AxisRole;
  readonly atoms: Channels;
}

/** Channels that stay because what a node does to them isn't known. */
export interface Pin {
  readonly node: Node;
  readonly reason: string;
  /** How many channels reach the node that could have been dropped but for it. */
  readonly channels: number;
}

/** Follows the channels through a graph, node by node. */
export class Trace implements ChannelTrace {
  readonly atoms = new Atoms();
  readonly channels = new Map<Value, Channels>();
  readonly axes: TracedAxis[] = [];
  readonly #axesOf = new Map<Value, TracedAxis[]>();
  readonly #maps: (readonly [Channels, Channels])[] = [];
  /** Atoms on which something acts that isn't linear. */
  readonly restricted: Record<Exclude<Freedom, "linear">, number[]> = { scaling: [], permutation: [] };

  /** Sets of channels that selections take. */
  readonly marks: Channels[] = [];
  readonly pins: Pin[] = [];

  /** @param pinned why the channels that reach the node must stay, where that is known beforehand */
  visit(node: Node, pinned?: string): void {
    if (this.#tracked(node).length === 0 || node.outputs.every(({ known }) => known)) return;
    if (pinned !== undefined) this.#pin(node, pinned);
    else {
      try {
        this.#follow(node);
      } catch (error) {
        if (!(error instanceof UnknownEffect)) throw error;
        this.#pin(node, error.message);
      }
    }
  }

  #follow(node: Node): void {
    const effect = node.operator.channels;
    if (effect === undefined) throw unknownEffect(node);
    if (typeof effect === "string") this.channelwise(node, effect);
    else effect(node, this);
  }

  /** What reaches the node stays, and so does what it makes. */
  #pin(node: Node, reason: string): void {
    const reached = this.#tracked(node).flatMap((value) => this.of(value) as Channels);
    const free = new Set(reached.map((atom) => this.atoms.find(atom)));
    free.delete(IMAGE);
    if (free.size > 0) this.pins.push({ node, reason, channels: free.size });
    this.fix(reached);
    for (const output of node.outputs) this.set(output, this.fixed(output.shape[1] ?? 0));
  }

  of(value: Value): Channels | undefined {
    return this.channels.get(value);
  }

  set(output: Value, channels: Channels): void {
    this.channels.set(output, channels);
  }

  fresh(count: number): Channels {
    return this.atoms.fresh(count);
  }

  tie(a: Channels, b: Channels): void {
    a.forEach((atom, i) => {
      this.atoms.unite(atom, b[i] as number);
    });
  }

  fix(channels: Channels): void {
    for (const atom of channels) this.atoms.unite(IMAGE, atom);
  }

  fixed(count: number): Channels {
    return Array<number>(count).fill(IMAGE);
  }

  distinguish(channels: Channels): void {
    this.marks.push(channels);
  }

  invertible(read: Channels, written: Channels): void {
    this.#maps.push([read, written]);
  }

  /**
   * Follows an image of `count` channels through the invertible maps that it passes, such as a mean's subtraction or a change of
   * colour space as exporters write them, in either direction.
   */
  followImage(count: number): void {
    const isImage = (channels: Channels) => channels.every((atom) => this.atoms.find(atom) === IMAGE);
    const maps = this.#maps.filter(([read]) => read.length === count);
    while (true) {
      const met = maps.find(([read, written]) => isImage(read) !== isImage(written));
      if (!met) return;
      for (const side of met) this.fix(side);
    }
  }

  restrict(channels: Channels, freedom: Freedom): void {
    if (freedom !== "linear") for (const channel of channels) this.restricted[freedom].push(channel);
  }

  /** A parameter that is used twice ties what it is used on. */
  record(parameter: Value, axis: number, atoms: Channels, role: AxisRole): void {
    const { producer } = parameter;
    if (producer) throw unknownEffect(producer, "makes a layer's weights, which are no constants then");
    const own = this.#axesOf.get(parameter) ?? [];
    const known = own.find((each) => each.axis === axis);
    if (!known) {
      const traced = { parameter, axis, role, atoms };
      this.axes.push(traced);
      this.#axesOf.set(parameter, [...own, traced]);
    } else if (known.role === role) this.tie(known.atoms, atoms);
    else
      throw new UnknownEffect(`${parameter.name} is used in two roles, which ties channels in a way that isn't known`);
  }

  channelwise(node: Node, freedom: Freedom): void {
    const output = node.outputs[0] as Value;
    const tracked = this.#tracked(node);
    const count = output.shape[1] as number;
    const whole = tracked.filter((value) => value.shape.length === 4 && value.shape[1] === count);
    const [first, ...rest] = whole.map((value) => this.of(value) as Channels);
    if (!first) throw unknownEffect(node);
    for (const value of tracked) {
      const list = this.of(value) as Channels;
      if (whole.includes(value)) continue;
      if (list.length !== 1) throw unknownEffect(node);
      // One channel that meets all others, such as a spatial gate.
      this.fix(list);
      this.restrict(first, "permutation");
    }
    for (const list of rest) this.tie(first, list);
    this.restrict(first, freedom);
    for (const value of node.inputs) {
      if (!value || tracked.includes(value)) continue;
      const axis = value.shape.length - 3;
      if (axis < 0 || value.shape[axis] !== count) continue;
      // Constants that are added are written channels too.
      this.record(value, axis, first, freedom === "linear" ? "writes" : "scales");
    }
    this.set(output, first);
  }

  #tracked(node: Node): Value[] {
    return node.inputs.filter((value) => value !== undefined && this.channels.has(value)) as Value[];
  }
}
