/** The families of MPI libraries, which hold communicators and types in ways of their own. */
export type Family = "standard" | "mpich" | "openmpi";

/** What started this process as one of several. */
export interface Launcher {
  /** What errors call it. */
  readonly name: string;
  /** Processes that it started; undefined where only the MPI library knows. */
  readonly size: number | undefined;
  /** The MPI libraries that work with it, the likeliest first. */
  readonly families: readonly Family[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

/**
 * The launcher that started this process beside others: Open MPI's mpirun, MPICH's and its relatives', or Slurm's srun; undefined where there is
 * none, or it started this process alone. A batch job's own script isn't one of several, whatever its tasks: srun is.
 */
export function launcherIn(env: Environment): Launcher | undefined {
  const found = recognise(env);
  return found?.size === 1 ? undefined : found;
}

function recognise(env: Environment): Launcher | undefined {
  const ofOpenMpi = number(env.OMPI_COMM_WORLD_SIZE);
  if (ofOpenMpi !== undefined)
    return { name: "mpirun of Open MPI", size: ofOpenMpi, families: ["openmpi", "standard"] };
  const ofSlurm = number(env.SLURM_STEP_NUM_TASKS);
  const isOfPmix = env.PMIX_RANK !== undefined;
  if (ofSlurm !== undefined) {
    const families: Family[] = isOfPmix ? ["openmpi", "standard", "mpich"] : ["standard", "mpich", "openmpi"];
    return { name: "srun", size: ofSlurm, families };
  }
  const ofPmi = number(env.PMI_SIZE);
  if (ofPmi !== undefined) return { name: "mpirun of MPICH", size: ofPmi, families: ["standard", "mpich"] };
  return isOfPmix
    ? { name: "a launcher of PMIx", size: undefined, families: ["openmpi", "standard", "mpich"] }
    : undefined;
}
