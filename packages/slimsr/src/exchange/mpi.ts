import { availableParallelism, hostname } from "node:os";
import { setImmediate, setTimeout } from "node:timers/promises";
import { ExchangeError, InterruptedError } from "@slimsr/core/internal/errors.js";
import { coreCount } from "@slimsr/upscaler/internal/node/threads.js";
import { shareOfCores } from "./cores.js";
import { ended } from "./ended.js";
import type { Exchange, Farewell, Numbers } from "./exchange.js";
import type { Launcher } from "./launcher.js";
import { type Handle, loadMpi, type Mpi } from "./mpi-library.js";

/** Milliseconds in which others are looked for without a pause, then each millisecond: while they may be at work, and while all are here and data flows. */
const EAGER = { coming: 5, here: 2000 } as const;

/** Seconds that other ranks may be late where they do what this one does. */
const PATIENCE = 600;

/** Seconds that they may be where the work is to end. */
const GRACE = 10;

/** Seconds in which ranks that failed alike do so. */
const TOGETHER = { failed: 2, interrupted: 60 } as const;

/** Seconds in which the others' processes end, once they have left. */
const ENDING = 10;

/** More than any library's status takes. */
const STATUS = 256;

/** Numbers of one call, whose count is an int. */
const MOST = 2 ** 30;

/**
 * Ranks that MPI connects. All calls are made on one thread and return at once; what isn't done is asked for again, so that timers and signals
 * go on meanwhile, and a rank that is gone is noticed.
 */
export class MpiExchange implements Exchange {
  private constructor(
    private readonly mpi: Mpi,
    readonly rank: number,
    readonly size: number,
    readonly isFirstHere: boolean,
    /** Ids of the other ranks' processes on this machine. */
    private readonly neighbours: readonly number[],
    readonly threads: number,
    /** A communicator of its own, for ranks that fail call nothing else that others wait for. */
    private readonly farewell: Handle,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /**
   * @param signal where it aborts, ranks that don't come are no longer waited for
   * @throws ExchangeError where koffi or MPI isn't there, or MPI finds other ranks than the launcher started
   */
  static async open(launcher: Launcher, signal?: AbortSignal): Promise<MpiExchange> {
    const mpi = await loadMpi(launcher);
    const { call, handle, constants } = mpi;
    const filled = new Int32Array(1);
    const int = (name: "Comm_rank" | "Comm_size", communicator: Handle): number => {
      requireDone(mpi, call[name](communicator, filled));
      return filled[0] as number;
    };
    requireDone(mpi, call.Init_thread(null, null, constants.funneled, filled));
    requireDone(mpi, call.Comm_set_errhandler(handle.world, handle.errorsReturn));
    const [rank, size] = [int("Comm_rank", handle.world), int("Comm_size", handle.world)];
    if (launcher.size !== undefined && size !== launcher.size) {
      throw new ExchangeError(
        `${launcher.name} started ${launcher.size} processes, but ${mpi.library} finds ${size}: it is another MPI than the launcher's. Start with the mpirun of that library, or srun --mpi=pmix (srun --mpi=list says what there is)`,
      );
    }
    const [here, farewell] = [mpi.newHandle(), mpi.newHandle()];
    requireDone(mpi, call.Comm_split_type(handle.world, constants.shared, rank, handle.noInfo, here));
    requireDone(mpi, call.Comm_dup(handle.world, farewell));
    const local = here[0] as Handle;
    const cores = coreCount() || availableParallelism();
    const addUpHere = (numbers: Numbers) => addUp(mpi, numbers, local, PATIENCE, signal);
    const threads = await shareOfCores(addUpHere, cores);
    const rankHere = int("Comm_rank", local);
    const processes = new Float64Array(int("Comm_size", local));
    processes[rankHere] = process.pid;
    await addUpHere(processes);
    const neighbours = [...processes].filter((id) => id !== process.pid);
    return new MpiExchange(mpi, rank, size, rankHere === 0, neighbours, threads, farewell[0] as Handle, signal);
  }

  get #anyTime(): Waiting {
    return { patience: Number.POSITIVE_INFINITY, eager: EAGER.coming, signal: this.signal };
  }

  get name(): string {
    return `rank ${this.rank} on ${hostname()}`;
  }

  async sum(numbers: Numbers, patience = PATIENCE): Promise<void> {
    await addUp(this.mpi, numbers, this.mpi.handle.world, patience, this.signal);
  }

  async broadcast(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { call, handle } = this.mpi;
    for (let at = 0; at < bytes.length; at += MOST) {
      const part = bytes.subarray(at, at + MOST);
      await completed(this.mpi, this.#anyTime, (request) =>
        call.Ibcast(part, part.length, handle.byte, 0, handle.world, request),
      );
    }
  }

  async barrier(): Promise<void> {
    const { call, handle } = this.mpi;
    await completed(this.mpi, this.#anyTime, (request) => call.Ibarrier(handle.world, request));
  }

  async leave(failed: boolean): Promise<Farewell> {
    const failures = new Float32Array([failed ? 1 : 0]);
    // The first rank may have a checkpoint to write before it leaves.
    const late = this.signal?.aborted && this.rank > 0 ? TOGETHER.interrupted : TOGETHER.failed;
    const patience = failed ? late : Number.POSITIVE_INFINITY;
    try {
      await addUp(this.mpi, failures, this.farewell, patience, undefined);
    } catch (error) {
      if (error instanceof ExchangeError) return "others go on";
      throw error;
    }
    requireDone(this.mpi, this.mpi.call.Finalize());
    if (failed && this.rank === 0) await ended(this.neighbours, ENDING);
    return failures[0] === this.size ? "failed alike" : "ended";
  }

  abort(code: number): never {
    this.mpi.call.Abort(this.mpi.handle.world, code);
    process.exit(code);
  }
}

async function addUp(
  mpi: Mpi,
  numbers: Numbers,
  communicator: Handle,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (numbers.length === 0) return;
  const { call, handle, constants } = mpi;
  const type = numbers instanceof Float32Array ? handle.float : handle.double;
  await completed(mpi, { patience, eager: EAGER.coming, signal }, (request) => call.Ibarrier(communicator, request));
  for (let at = 0; at < numbers.length; at += MOST) {
    const part = numbers.subarray(at, at + MOST);
    await completed(mpi, { patience, eager: EAGER.here, signal }, (request) =>
      call.Iallreduce(constants.inPlace, part, part.length, type, handle.sum, communicator, request),
    );
  }
}

interface Waiting {
  /** Seconds. */
  readonly patience: number;
  /** Milliseconds without pauses. */
  readonly eager: number;
  readonly signal: AbortSignal | undefined;
}

/** Starts a call of all ranks, and waits until it is done. */
async function completed(
  mpi: Mpi,
  { patience, eager, signal }: Waiting,
  start: (request: ReturnType<Mpi["newHandle"]>) => number,
): Promise<void> {
  const request = mpi.newHandle();
  const [done, status] = [new Int32Array(1), new Uint8Array(STATUS)];
  requireDone(mpi, start(request));
  const begun = performance.now();
  let aborted: number | undefined;
  for (;;) {
    requireDone(mpi, mpi.call.Test(request, done, status));
    if (done[0]) return;
    const now = performance.now();
    if (signal?.aborted) aborted ??= now;
    if (aborted !== undefined && now - aborted > GRACE * 1000) {
      throw new InterruptedError("interrupted while other ranks didn't answer");
    }
    if (now - begun > patience * 1000) {
      throw new ExchangeError(
        `other ranks haven't come for ${Math.round(patience)} seconds: a process or machine is gone, or the network between; a run's last checkpoint is whole`,
      );
    }
    await (now - begun < eager ? setImmediate() : setTimeout(1));
  }
}

/** @throws ExchangeError with what the library says of an error */
function requireDone({ call, library }: Pick<Mpi, "call" | "library">, code: number): void {
  if (code === 0) return;
  const [text, length] = [new Uint8Array(8192), new Int32Array(1)];
  call.Error_string(code, text, length);
  throw new ExchangeError(`${library}: ${Buffer.from(text.subarray(0, length[0])).toString()}`);
}
