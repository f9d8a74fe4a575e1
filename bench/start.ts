/**
 * How long `slimsr --help`, and `slimsr slim --help`, which loads what slimming needs, take beside `node -e 0`, as ratios of medians; they take turns.
 * Arguments: --runs N (15).
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptArguments } from "../test/support/arguments.js";
import { median } from "./in-turn.js";

const { values } = scriptArguments(import.meta.url, { options: { runs: { type: "string", default: "15" } } });
const main = fileURLToPath(new URL("../packages/slimsr/bin/slimsr.js", import.meta.url));
const PROGRAMS = {
  "node -e 0": ["-e", "0"],
  "slimsr --help": [main, "--help"],
  "slimsr slim --help": [main, "slim", "--help"],
};

const times = Object.keys(PROGRAMS).map((): number[] => []);
for (let run = 0; run < Number(values.runs); run++) {
  for (const [i, args] of Object.values(PROGRAMS).entries()) {
    const start = performance.now();
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`);
    times[i]?.push(performance.now() - start);
  }
}
const medians = times.map(median);
const [alone = 0] = medians;
for (const [i, name] of Object.keys(PROGRAMS).entries()) {
  const milliseconds = medians[i] ?? 0;
  console.log(`${name}: ${milliseconds.toFixed(0)} ms, ratio ${(milliseconds / alone).toFixed(2)}`);
}
