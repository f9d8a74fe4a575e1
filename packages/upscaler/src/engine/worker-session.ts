import { DeviceError } from "@slimsr/core/internal/errors.js";
import { elements, showShape } from "@slimsr/core/internal/graph/types.js";
import type { Request, Response, SessionWorker } from "./protocol.js";
import type { RunOptions, RunResult, Session, Tensor, Tensors } from "./session.js";

/**
 * A session whose model the worker holds. What `transfer` names leaves the caller's hands.
 * @throws DeviceError where the engine refuses the model; the worker is ended then.
 */
export async function openSession<Source>(
  worker: SessionWorker<Source>,
  source: Source,
  transfer: readonly ArrayBuffer[],
): Promise<Session> {
  const session = new WorkerSession(worker);
  try {
    await session.create(source, transfer);
    return session;
  } catch (error) {
    await session.terminate();
    throw error;
  }
}

type Answered<K extends Response["kind"]> = Extract<Response, { kind: K }>;
type Unnumbered<T> = T extends unknown ? Omit<T, "id"> : never;

const closed = () => new DeviceError("the session is closed");

class WorkerSession<Source> implements Session {
  readonly #worker: SessionWorker<Source>;
  readonly #waiting = new Map<number, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  #count = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(worker: SessionWorker<Source>) {
    this.#worker = worker;
    worker.listen(
      (response) => this.#settle(response),
      (error) => this.#fail(error),
    );
  }

  async create(source: Source, transfer: readonly ArrayBuffer[]): Promise<void> {
    await this.#ask<"created">({ kind: "create", source }, transfer);
  }

  async run(feeds: Tensors, { into = {}, move = [] }: RunOptions = {}): Promise<RunResult> {
    for (const [name, tensor] of [...Object.entries(feeds), ...Object.entries(into)]) requireFilled(tensor, name);
    const moved = [...move.map((name) => feeds[name]), ...Object.values(into)].filter((tensor) => tensor !== undefined);
    const transfer = moved.map(wholeBuffer);
    const sent = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, compact(tensor)]));
    const { result } = await this.#ask<"ran">({ kind: "run", feeds: sent, into, move }, transfer);
    return result;
  }

  async carried(): Promise<Record<string, Tensor>> {
    return (await this.#ask<"carried">({ kind: "carried" }, [])).tensors;
  }

  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  async #release(): Promise<void> {
    if (this.#failure) return;
    await this.#ask<"closed">({ kind: "close" }, []);
    await this.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
    this.#fail(closed());
  }

  #ask<K extends Response["kind"]>(
    request: Unnumbered<Request<Source>>,
    transfer: readonly ArrayBuffer[],
  ): Promise<Answered<K>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const id = this.#count++;
      try {
        this.#worker.post({ ...request, id }, [...new Set(transfer)]);
      } catch (error) {
        return reject(new DeviceError(`a tensor can't be handed to the engine: ${(error as Error).message}`));
      }
      this.#waiting.set(id, { resolve: resolve as (response: Response) => void, reject });
    });
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if (response.kind === "failed") waiting?.reject(new DeviceError(response.message.trim()));
    else waiting?.resolve(response);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** A buffer that is gone would not arrive, and its run never end. */
function requireFilled({ data, shape }: Tensor, name: string): void {
  if (isMoved(data.buffer)) throw new DeviceError(`${name}: its buffer was moved into an earlier run`);
  if (data.length === elements(shape)) return;
  throw new DeviceError(`${name}: ${data.length} elements don't fill ${showShape(shape)}`);
}

/** A buffer that was moved has no bytes, as an empty one, but no views either. */
function isMoved(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function wholeBuffer({ data, shape }: Tensor): ArrayBuffer {
  if (!(data.buffer instanceof ArrayBuffer) || data.byteLength !== data.buffer.byteLength) {
    throw new DeviceError(`a tensor of shape [${shape.join(", ")}] is a view of a larger buffer and can't be moved`);
  }
  return data.buffer;
}

/** A view of a larger buffer is copied, for a message would carry all of the buffer. */
const compact = (tensor: Tensor): Tensor =>
  tensor.data.byteLength < tensor.data.buffer.byteLength ? { ...tensor, data: tensor.data.slice() } : tensor;
