import {
  consumersOf,
  type DataType,
  Graph,
  graft,
  liveNodes,
  type Node,
  nodesBetween,
  type Shape,
  type TensorData,
  type Value,
} from "@slimsr/core/internal/graph/index.js";
import { type Model, selecting } from "@slimsr/core/internal/model/model.js";
import { type Parameters, required } from "@slimsr/core/internal/networks/index.js";
import { float32, type Session, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { type Patches, patchShape } from "../../calibration/batches.js";
import { SessionsInTurn } from "../../engine/sessions-in-turn.js";

/** How far a network has been run: its parameters may change ahead of where it is. */
interface Progress {
  readonly parameters: Parameters;
  readonly done: Set<Node>;
  /** Activations that are still to be read, a tensor per batch. */
  readonly live: Map<Value, Tensor[]>;
  /** What sizes and constants tell of values, by a batch's patches: it enters later stretches as constants. */
  readonly known: ReadonlyMap<number, Map<Value, Known>>;
}

interface Known {
  readonly data: TensorData;
  readonly shape: Shape;
  readonly dtype: DataType;
}

/** What both networks go through at once, for batches of one size. */
interface Stretch {
  readonly session: Session;
  /** Feeds that are the same for each batch. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Feeds that are activations, a tensor per batch: each is moved to the engine and back. */
  readonly moved: ReadonlyMap<string, Tensor[]>;
}

export const ROLES = ["teacher", "student"] as const;
export type Role = (typeof ROLES)[number];

/**
 * Appends to a stretch's graph what is to be computed from the wanted activations: outputs are declared under names of their own.
 * `feed` yields a value for a tensor that changes from run to run.
 */
export type Assembly = (activations: Record<Role, readonly Value[]>, feed: (tensor: Tensor) => Value) => void;

/**
 * Teacher and student side by side on the same patches. Only activations that are still to be read are kept, and each stretch
 * of the networks runs once. Stretches of equal structure share a session: parameters are fed.
 */
export class SideBySide {
  readonly #progress: Record<Role, Progress>;
  readonly #consumers: ReadonlyMap<Value, readonly Node[]>;
  readonly #sessions = new SessionsInTurn({ spinning: false });

  constructor(
    private readonly model: Model,
    parameters: Record<Role, Parameters>,
    /** One at least. */
    private readonly batches: readonly Patches[],
  ) {
    this.#consumers = consumersOf(liveNodes(model.graph));
    // Each network has images of its own, for activations are moved to the engine's thread and back.
    const begin = (role: Role): Progress => ({
      parameters: parameters[role],
      done: new Set(),
      live: new Map([
        [model.image, this.batches.map((part) => float32(part.data.slice(), patchShape(part, part.count)))],
      ]),
      known: new Map(this.batches.map(({ count }) => [count, new Map()])),
    });
    this.#progress = { teacher: begin("teacher"), student: begin("student") };
  }

  consumers(value: Value): readonly Node[] {
    return this.#consumers.get(value) ?? [];
  }

  /** The nodes that still have to run before `value` is known. */
  ahead(role: Role, value: Value): Node[] {
    return this.#path(role, [value]);
  }

  /**
   * Runs both networks up to the wanted activations, and what `assemble` makes of these. `consume` gets the outputs that
   * `assemble` declared, batch by batch.
   */
  async advance(
    wanted: Record<Role, readonly Value[]>,
    assemble: Assembly,
    consume: (outputs: Record<string, Tensor>) => void,
  ): Promise<void> {
    const kept = this.#byRole((role) => this.#keeps(role, wanted[role]));
    const paths = this.#byRole((role) => this.#path(role, wanted[role]));
    const results: Record<Role, Tensor[][]> = { teacher: [], student: [] };
    const stretches = new Map<number, Stretch>();
    for (const [i, { count }] of this.batches.entries()) {
      const stretch = stretches.get(count) ?? (await this.#stretch(wanted, kept, paths, assemble, count));
      stretches.set(count, stretch);
      const { session, feeds, moved } = stretch;
      const activations = [...moved].map(([name, tensors]) => [name, tensors[i] as Tensor] as const);
      const { outputs, feeds: back } = await session.run(
        { ...feeds, ...Object.fromEntries(activations) },
        { move: [...moved.keys()] },
      );
      for (const [name, tensors] of moved) tensors[i] = back[name] as Tensor;
      for (const role of ROLES) {
        results[role].push(kept[role].map((_, k) => outputs[`${role}.${k}`] as Tensor));
      }
      consume(outputs);
    }
    for (const role of ROLES) {
      const progress = this.#progress[role];
      for (const node of paths[role]) progress.done.add(node);
      kept[role].forEach((value, k) => {
        progress.live.set(
          value,
          results[role].map((batch) => batch[k] as Tensor),
        );
      });
    }
  }

  /** Lets go of activations that nothing reads any more. */
  release(): void {
    for (const role of ROLES) {
      const { live, done } = this.#progress[role];
      for (const value of live.keys()) if (this.consumers(value).every((node) => done.has(node))) live.delete(value);
    }
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  #path(role: Role, wanted: readonly Value[]): Node[] {
    const { live, known } = this.#progress[role];
    const contents = known.get((this.batches[0] as Patches).count);
    return nodesBetween(this.model.graph, (value) => live.has(value) || contents?.has(value) === true, wanted);
  }

  /** What the stretch computes and later ones read, and the wanted activations themselves. */
  #keeps(role: Role, wanted: readonly Value[]): Value[] {
    const { live, done } = this.#progress[role];
    const path = new Set(this.#path(role, wanted));
    const made = [...path].flatMap((node) => node.outputs);
    const read = (value: Value) => this.consumers(value).some((node) => !path.has(node) && !done.has(node));
    return made.filter((value) => !live.has(value) && !value.known && (wanted.includes(value) || read(value)));
  }

  #byRole<T>(make: (role: Role) => T): Record<Role, T> {
    return { teacher: make("teacher"), student: make("student") };
  }

  async #stretch(
    wanted: Record<Role, readonly Value[]>,
    kept: Record<Role, Value[]>,
    paths: Record<Role, readonly Node[]>,
    assemble: Assembly,
    count: number,
  ): Promise<Stretch> {
    const first = this.batches.findIndex((batch) => batch.count === count);
    const graph = new Graph("stretch");
    const feeds: Record<string, Tensor> = {};
    const moved = new Map<string, Tensor[]>();
    const declare = ({ shape }: Tensor) => graph.input(`in.${Object.keys(feeds).length + moved.size}`, shape);
    const feed = (tensor: Tensor): Value => {
      const input = declare(tensor);
      feeds[input.name] = tensor;
      return input;
    };
    const activations = {} as Record<Role, readonly Value[]>;
    for (const role of ROLES) {
      const { live, parameters, known: ofSizes } = this.#progress[role];
      const contents = ofSizes.get(count);
      const known = new Map<Value, Value>();
      const reads = [...paths[role].flatMap(({ inputs }) => inputs), ...wanted[role]];
      for (const value of new Set(reads)) {
        if (!value) continue;
        const tensors = live.get(value);
        if (tensors) {
          const input = declare(tensors[first] as Tensor);
          known.set(value, input);
          moved.set(input.name, tensors);
        } else if (this.model.places.get(value.name) === value) {
          const { data, shape } = required(parameters, value.name);
          known.set(value, feed(float32(data, shape)));
        } else {
          const made = contents?.get(value);
          if (made) known.set(value, graph.constant(made.data, made.shape, made));
        }
      }
      const replacement = selecting(this.model, (name) => required(parameters, name).shape);
      activations[role] = graft(this.model.graph, graph, known, wanted[role], replacement && { replacement });
      for (const [value, { known: data, shape, dtype }] of known) {
        if (data) contents?.set(value, { data, shape, dtype });
      }
      kept[role].forEach((value, k) => {
        graph.output(`${role}.${k}`, known.get(value) as Value);
      });
    }
    assemble(activations, feed);
    return { session: await this.#sessions.of(graph), feeds, moved };
  }
}
