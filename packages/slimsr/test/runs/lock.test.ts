import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { temporaryFolder } from "../cli/runs.js";

/** Holds the folder that a line names at the time that it names, until a line "release"; says what came of it. */
const HOLDER = `
import { createInterface } from "node:readline";
import { RunFolder } from "${ROOT}packages/slimsr/dist/runs/folder.js";
let held;
console.log("ready " + process.pid);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "release") {
    await held?.release();
    held = undefined;
    console.log("released");
    continue;
  }
  const [folder, time] = JSON.parse(line);
  while (Date.now() < time);
  try {
    held = await RunFolder.hold(folder);
    console.log("held");
  } catch (error) {
    console.log("refused " + error.message);
  }
}`;

/** A process that holds folders, in a pid namespace of its own or not. */
class Holder {
  private constructor(
    readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly pid: number,
  ) {}

  static async start(wrapper: readonly string[] = []): Promise<Holder> {
    const node = [process.execPath, "--input-type=module", "--eval", HOLDER];
    const [command, ...args] = [...wrapper, ...node] as [string, ...string[]];
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new Holder(child, lines, Number(String(value).split(" ")[1]));
  }

  async ask(line: string): Promise<string> {
    this.child.stdin?.write(`${line}\n`);
    return (await this.lines.next()).value as string;
  }

  hold = (folder: string, time = 0): Promise<string> => this.ask(JSON.stringify([folder, time]));

  async kill(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

const ROUNDS = 200;

describe("a run's folder that several processes want at once", { timeout: 120_000 }, () => {
  for (const [name, left] of [
    ["fresh", undefined],
    ["with a lock that was left", JSON.stringify({ process: 4_194_000, host: hostname() })],
  ] as const) {
    it(`has one holder, ${name}`, async () => {
      const folder = await temporaryFolder();
      const holders = await Promise.all([1, 2, 3].map(() => Holder.start()));
      for (let round = 0; round < ROUNDS; round++) {
        const run = join(folder, String(round));
        await mkdir(join(run, "checkpoints"), { recursive: true });
        await mkdir(join(run, "samples"));
        if (left !== undefined) await writeFile(join(run, "lock"), left);
        const time = Date.now() + 5;
        const answers = await Promise.all(holders.map((holder) => holder.hold(run, time)));
        expect(
          answers.filter((answer) => answer === "held"),
          `round ${round}`,
        ).toHaveLength(1);
        await Promise.all(holders.map((holder) => holder.ask("release")));
        await rm(run, { recursive: true });
      }
    });
  }

  it("has one holder while others come and go", async () => {
    const folder = await temporaryFolder();
    const holders = await Promise.all([1, 2, 3].map(() => Holder.start()));
    let inside = 0;
    let most = 0;
    let times = 0;
    await Promise.all(
      holders.map(async (holder) => {
        for (let round = 0; round < ROUNDS; round++) {
          if ((await holder.hold(folder)) !== "held") continue;
          most = Math.max(most, ++inside);
          times++;
          await setTimeout(1);
          inside--;
          await holder.ask("release");
        }
      }),
    );
    expect(most).toBe(1);
    expect(times).toBeGreaterThan(10);
  });

  it("is free at once when its holder is killed", async () => {
    const folder = await temporaryFolder();
    const [first, second] = await Promise.all([Holder.start(), Holder.start()]);
    expect(await first.hold(folder)).toBe("held");
    expect(await second.hold(folder)).toContain(`process ${first.pid} on ${hostname()} is at work in this folder`);
    await first.kill();
    expect(await second.hold(folder)).toBe("held");
  });
});

const NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"];
const canUnshare = spawnSync(NAMESPACE[0] as string, [...NAMESPACE.slice(1), "true"]).status === 0;

describe.runIf(canUnshare)("a run's folder in containers", { timeout: 60_000 }, () => {
  it("has one holder though all are process 1 of one host", async () => {
    const folder = await temporaryFolder();
    const [first, second] = await Promise.all([Holder.start(NAMESPACE), Holder.start(NAMESPACE)]);
    expect([first.pid, second.pid]).toEqual([1, 1]);
    expect(await first.hold(folder)).toBe("held");
    expect(await second.hold(folder)).toContain(`process 1 on ${hostname()} is at work`);
    await first.kill();
    // The kernel ends what was in the namespace a moment after its first process' parent.
    await expect.poll(() => second.hold(folder)).toBe("held");
  });
});
