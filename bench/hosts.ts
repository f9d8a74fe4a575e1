/**
 * Training over hosts apart: two network namespaces of this machine with an address and a name each, and Open MPI's mpirun across them over TCP. Steps
 * on one host, on two, and with 50 ms of delay each way, and a link that goes down in the middle: how long the job takes to end, and whether its run goes on after.
 * Needs root, iproute2, Python and Open MPI; says so where the system allows no namespaces.
 * Arguments: --steps N (10), --delay MS (50).
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stateOf } from "../packages/core/src/checkpoints/state.js";
import { saveCheckpoint } from "../packages/slimsr/src/files/checkpoints.js";
import { scriptArguments } from "../test/support/arguments.js";
import { edsr, randomParameters } from "../test/support/networks.js";
import { measure, OPEN_MPI, type Work } from "./mpi/launch.js";

const { values } = scriptArguments(import.meta.url, {
  options: { steps: { type: "string", default: "10" }, delay: { type: "string", default: "50" } },
});
const [HERE, THERE, BETWEEN] = ["slimsr-here", "slimsr-there", "slimsr-between"] as const;
const ADDRESSES = { [HERE]: "10.77.0.1", [THERE]: "10.77.0.2" } as const;
const folder = mkdtempSync(join(tmpdir(), "slimsr-hosts-"));
const ip = (...words: string[]): string => execFileSync("ip", words, { encoding: "utf8" });

/** Both hosts' wires end in a namespace between them, where a bridge joins them. */
function connect(): void {
  for (const host of [HERE, THERE, BETWEEN]) ip("netns", "add", host);
  ip("-n", BETWEEN, "link", "add", "name", "bridge", "type", "bridge");
  for (const host of [HERE, THERE]) {
    ip("link", "add", "name", "wire", "netns", host, "type", "veth", "peer", "name", host, "netns", BETWEEN);
    ip("-n", host, "address", "add", `${ADDRESSES[host]}/24`, "dev", "wire");
    for (const device of ["lo", "wire"]) ip("-n", host, "link", "set", device, "up");
    ip("-n", BETWEEN, "link", "set", host, "master", "bridge", "up");
  }
  ip("-n", BETWEEN, "link", "set", "bridge", "up");
}

/** Takes the bridge's place for a piece of work: frames are handed on after a time. */
async function delayed<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  const program = fileURLToPath(new URL("mpi/delay.py", import.meta.url));
  for (const host of [HERE, THERE]) ip("-n", BETWEEN, "link", "set", host, "nomaster");
  const relay = spawn("ip", ["netns", "exec", BETWEEN, "python3", program, HERE, THERE, String(milliseconds)]);
  try {
    await once(relay.stdout, "data");
    return await work();
  } finally {
    relay.kill();
    for (const host of [HERE, THERE]) ip("-n", BETWEEN, "link", "set", host, "master", "bridge");
  }
}

const processesOn = (host: string): number[] =>
  ip("netns", "pids", host)
    .trim()
    .split("\n")
    .filter((id) => id !== "")
    .map(Number);

/** Ranks are Node's; the others are launchers. */
const ranksOn = (host: string): number =>
  processesOn(host).filter((id) => {
    try {
      return /^node|^MainThread/.test(readFileSync(`/proc/${id}/comm`, "utf8"));
    } catch {
      return false;
    }
  }).length;

function endAll(host: string): void {
  for (const id of processesOn(host)) process.kill(id, "SIGKILL");
}

function disconnect(): void {
  for (const host of [HERE, THERE, BETWEEN]) {
    try {
      endAll(host);
      ip("netns", "delete", host);
    } catch {
      // It wasn't made.
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

/** mpirun on the first host, which reaches the other by an agent in ssh's place. */
function launcher(): string[] {
  const agent = join(folder, "agent");
  writeFileSync(agent, `#!/bin/sh\nshift\nexec ip netns exec ${THERE} unshare --uts sh -c "hostname ${THERE}; $*"\n`);
  chmodSync(agent, 0o755);
  const network = "10.77.0.0/24";
  const parameters = {
    ...{ plm_rsh_agent: agent, btl: "tcp,self", btl_tcp_if_include: network, oob_tcp_if_include: network },
  };
  const options = Object.entries(parameters).flatMap(([name, value]) => ["--mca", name, value]);
  const start = join(folder, "mpirun");
  const hosts = ["--host", Object.values(ADDRESSES).join(",")];
  const command = [...OPEN_MPI, ...options, ...hosts].map((word) => `'${word}'`).join(" ");
  writeFileSync(start, `#!/bin/sh\nhostname ${HERE}\nexec ${command} "$@"\n`);
  chmodSync(start, 0o755);
  return ["ip", "netns", "exec", HERE, "unshare", "--uts", start];
}

async function steps(mpirun: readonly string[]): Promise<void> {
  const work: Work = { steps: Number(values.steps), features: 16, blocks: 2, batch: 4, patch: 16, threads: 1 };
  const near = await measure(OPEN_MPI, 2, work);
  const apart = await measure(mpirun, 2, work);
  const relayed = await delayed(0, () => measure(mpirun, 2, work));
  const late = await delayed(Number(values.delay), () => measure(mpirun, 2, work));
  for (const [name, { step, exchange, bytes }] of Object.entries({ near, apart, relayed, late })) {
    console.log(`${name}: ${step.toFixed(1)} ms a step, ${exchange.toFixed(1)} ms of it exchanging ${bytes} bytes`);
  }
  const added = (late.exchange - relayed.exchange) / Number(values.delay);
  console.log(`a step passes the delayed link ${added.toFixed(1)} times, one after another`);
}

async function linkDown(mpirun: readonly string[]): Promise<void> {
  const network = edsr(2, { features: 16, blocks: 1 });
  const [teacher, run] = ["teacher.safetensors", "run"].map((name) => join(folder, name)) as [string, string];
  await saveCheckpoint(teacher, { network, parameters: stateOf(randomParameters(network)) });
  const main = fileURLToPath(new URL("../packages/slimsr/bin/slimsr.js", import.meta.url));
  const images = fileURLToPath(new URL("../test/fixtures/images", import.meta.url));
  const start = (...words: string[]) => {
    const [program, ...args] = [...mpirun, "-n", "2", process.execPath, main, "compress", ...words];
    return spawn(program as string, args, { stdio: ["ignore", "ignore", "inherit"] });
  };
  const job = start(
    ...["--teacher", teacher, "--below-bicubic", "--train", images, "--val", images, "--out", run, "--method", "slice"],
    ...["--batch", "4", "--patch", "8", "--validation-patch", "16", "--calibration-patches", "4", "--threads", "1"],
    ...["--steps", "400", "--checkpoint-every", "5", "--validate-every", "400"],
  );
  const stepsIn = () => {
    try {
      return readFileSync(join(run, "metrics.jsonl"), "utf8").match(/"kind":"step"/g)?.length ?? 0;
    } catch {
      return 0;
    }
  };
  while (stepsIn() < 20 && job.exitCode === null) await setTimeout(50);
  ip("-n", HERE, "link", "set", "wire", "down");
  const down = performance.now();
  const since = () => (performance.now() - down) / 1000;
  for (const host of [HERE, THERE]) {
    while (ranksOn(host) > 0 && since() < 600) await setTimeout(200);
    console.log(`${host}: its rank ended ${since().toFixed(0)} s after the link went down`);
  }
  // mpirun looks for the other host for as long as TCP sends again: a quarter of an hour.
  const isLeft = job.exitCode === null;
  for (const host of [HERE, THERE]) endAll(host);
  if (isLeft) await once(job, "exit");
  console.log(
    `${stepsIn()} steps are recorded; mpirun ${isLeft ? "was still there, and was killed" : `ended with ${job.exitCode}`}`,
  );
  ip("-n", HERE, "link", "set", "wire", "up");
  const resumed = start("--resume", run);
  const [again] = await once(resumed, "exit");
  console.log(`with the link up again it goes on: ended with ${again}, ${stepsIn()} of 400 steps recorded`);
}

try {
  connect();
} catch (error) {
  process.stderr.write(
    `hosts can't be set apart here: ${(error as Error).message.trim()}; it takes root, iproute2 and network namespaces\n`,
  );
  disconnect();
  process.exit(1);
}
try {
  const mpirun = launcher();
  await steps(mpirun);
  await linkDown(mpirun);
} finally {
  disconnect();
}
