import { ExchangeError } from "@slimsr/core/internal/errors.js";
import type { default as koffi, LibraryHandle } from "koffi";
import type { Family, Launcher } from "./launcher.js";

type Koffi = typeof koffi;

/** A communicator, datatype or operation: a number, or an address. */
export type Handle = number | bigint;

type Call = (...words: readonly unknown[]) => number;

/** An MPI library's calls, and the handles and constants that it has for what is used here. */
export interface Mpi {
  readonly library: string;
  readonly call: Readonly<Record<keyof typeof PROTOTYPES, Call>>;
  readonly handle: Readonly<Record<keyof typeof OPEN_MPI_SYMBOLS, Handle>>;
  readonly constants: Constants;
  /** Memory for a handle that a call fills in. */
  readonly newHandle: () => Int32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
}

interface Constants {
  /** In place of the address of what is sent, where it lies in what is received. */
  readonly inPlace: bigint;
  /** Only the thread that began calls. */
  readonly funneled: number;
  /** Processes that share memory, so one machine's. */
  readonly shared: number;
}

/** H is a handle. A request's and a status' place is memory of ours. */
const PROTOTYPES = {
  Init_thread: "int MPI_Init_thread(void *, void *, int, int *)",
  Comm_rank: "int MPI_Comm_rank(H, int *)",
  Comm_size: "int MPI_Comm_size(H, int *)",
  Comm_dup: "int MPI_Comm_dup(H, void *)",
  Comm_split_type: "int MPI_Comm_split_type(H, int, int, H, void *)",
  Comm_set_errhandler: "int MPI_Comm_set_errhandler(H, H)",
  Iallreduce: "int MPI_Iallreduce(intptr_t, void *, int, H, H, H, void *)",
  Ibcast: "int MPI_Ibcast(void *, int, H, int, H, void *)",
  Ibarrier: "int MPI_Ibarrier(H, void *)",
  Test: "int MPI_Test(void *, int *, void *)",
  Error_string: "int MPI_Error_string(int, void *, int *)",
  Abort: "int MPI_Abort(H, int)",
  Finalize: "int MPI_Finalize()",
} as const;

/** Open MPI's handles are the addresses of what it exports. */
const OPEN_MPI_SYMBOLS = {
  world: "ompi_mpi_comm_world",
  float: "ompi_mpi_float",
  double: "ompi_mpi_double",
  byte: "ompi_mpi_byte",
  sum: "ompi_mpi_op_sum",
  noInfo: "ompi_mpi_info_null",
  errorsReturn: "ompi_mpi_errors_return",
} as const;

/** Those of the ABI that MPI 5 has for all libraries (chapter 20), and of MPICH's, which its relatives share. */
const HANDLES: Readonly<Record<Exclude<Family, "openmpi">, Mpi["handle"]>> = {
  standard: {
    ...{ world: 0x101, float: 0x210, double: 0x214, byte: 0x247 },
    ...{ sum: 0x21, noInfo: 0x130, errorsReturn: 0x142 },
  },
  mpich: {
    ...{ world: 0x44000000, float: 0x4c00040a, double: 0x4c00080b, byte: 0x4c00010d },
    ...{ sum: 0x58000003, noInfo: 0x1c000000, errorsReturn: 0x54000001 },
  },
};

const CONSTANTS: Readonly<Record<Family, Constants>> = {
  standard: { inPlace: 1n, funneled: 1024, shared: 221 },
  mpich: { inPlace: -1n, funneled: 1, shared: 1 },
  openmpi: { inPlace: 1n, funneled: 1, shared: 0 },
};

/** Files of the libraries, by which the system's loader looks for them. */
const FILES: Readonly<Record<Family, readonly string[]>> =
  process.platform === "darwin"
    ? {
        standard: ["libmpi_abi.1.dylib", "libmpi_abi.0.dylib"],
        mpich: ["libmpi.12.dylib", "/opt/homebrew/lib/libmpi.12.dylib"],
        openmpi: ["libmpi.40.dylib", "/opt/homebrew/lib/libmpi.40.dylib"],
      }
    : {
        standard: ["libmpi_abi.so.1", "libmpi_abi.so.0"],
        mpich: ["libmpi.so.12", "libmpich.so.12"],
        openmpi: ["libmpi.so.40"],
      };

const PACKAGES: Readonly<Record<Family, string>> = {
  standard: "MPICH 5 or Open MPI 6",
  mpich: "MPICH (Debian: apt-get install mpich)",
  openmpi: "Open MPI (Debian: apt-get install openmpi-bin)",
};

/** MPICH needs more than koffi gives C by default. */
const STACK = 2 ** 24;

/** @throws ExchangeError where koffi or an MPI library that works with the launcher isn't there, saying how to get it */
export async function loadMpi(launcher: Launcher): Promise<Mpi> {
  const loaded = await loadKoffi(launcher);
  // UCX, which MPICH and Open MPI bring, would put functions of its own in the place of those that Node's threads allocate memory by.
  process.env.UCX_MEM_EVENTS ??= "no";
  loaded.config({ ...loaded.config(), sync_stack_size: STACK });
  const refusals: string[] = [];
  for (const family of launcher.families) {
    for (const file of FILES[family]) {
      try {
        // What it loads itself, its transports, looks for the library's names in the process.
        return bind(loaded, loaded.load(file, { global: true }), family, file);
      } catch (error) {
        refusals.push((error as Error).message);
      }
    }
  }
  throw new ExchangeError(
    `${launcher.name} started this process as one of several, but no MPI library of its kind can be loaded (${refusals.join("; ")}): install ${PACKAGES[launcher.families[0] as Family]}, put its folder into LD_LIBRARY_PATH, or start slimsr without ${launcher.name}`,
  );
}

async function loadKoffi({ name }: Launcher): Promise<Koffi> {
  try {
    return (await import("koffi")).default;
  } catch (error) {
    throw new ExchangeError(
      `${name} started this process as one of several, which work together through MPI, and that takes koffi: npm install koffi, where slimsr is installed, or start slimsr without ${name}`,
      { cause: error },
    );
  }
}

function bind({ address }: Koffi, library: LibraryHandle, family: Family, file: string): Mpi {
  const type = family === "mpich" ? "int" : "intptr_t";
  const call = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype.replace(/\bH\b/g, type))]),
  ) as unknown as Mpi["call"];
  const handle =
    family === "openmpi"
      ? (Object.fromEntries(
          Object.entries(OPEN_MPI_SYMBOLS).map(([name, symbol]) => [name, address(library.symbol(symbol))]),
        ) as unknown as Mpi["handle"])
      : HANDLES[family];
  const newHandle = () => (family === "mpich" ? new Int32Array(1) : new BigInt64Array(1));
  return { library: file, call, handle, constants: CONSTANTS[family], newHandle };
}
