/**
 * Commands that are killed (SIGKILL) at random moments, and called again until they end: whether their files are byte for byte
 * those of a run that was left alone, and nothing is left beside them. Arguments: --kills N of each command (10), --seed N (1),
 * --only NAME.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stateOf } from "../packages/core/src/checkpoints/state.js";
import { saveCheckpoint } from "../packages/slimsr/src/files/checkpoints.js";
import { scriptArguments } from "../test/support/arguments.js";
import { edsr, randomParameters } from "../test/support/networks.js";
import { Random } from "../test/support/random.js";
import { commands } from "./kills/commands.js";
import { fingerprint, leftovers } from "./kills/fingerprint.js";
import { runUntil } from "./kills/process.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    kills: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
  },
});
const random = new Random(Number(values.seed));
const folder = await mkdtemp(join(tmpdir(), "kills-"));
const teacher = join(folder, "teacher.safetensors");
const network = edsr(2, { features: 16, blocks: 1 });
await saveCheckpoint(teacher, { network, parameters: stateOf(randomParameters(network)) });

let bad = 0;
for (const [name, argumentsOf] of Object.entries(commands(teacher))) {
  if (values.only !== undefined && values.only !== name) continue;
  const [whole, out, temporary, cache] = ["whole", "killed", "tmp", "cache"].map((part) =>
    join(folder, name, part),
  ) as [string, string, string, string];
  for (const each of [whole, temporary]) await mkdir(each, { recursive: true });
  const env = { TMPDIR: temporary, XDG_CACHE_HOME: cache };
  const alone = await runUntil(await argumentsOf(whole), env);
  const expected = await fingerprint(whole);
  let [kills, rounds] = [0, 0];
  while (kills < Number(values.kills)) {
    await rm(out, { recursive: true, force: true });
    await mkdir(out);
    for (let ended = false; !ended; ) {
      // The cache is empty at times, so that what fills it is killed too.
      if (random.next() < 0.3) await rm(cache, { recursive: true, force: true });
      const moment = kills < Number(values.kills) ? alone.milliseconds * (0.05 + 0.95 * random.next()) : undefined;
      ended = !(await runUntil(await argumentsOf(out), env, moment)).killed;
      if (!ended) kills++;
    }
    rounds++;
    const found = await fingerprint(out);
    const differing = [...new Set([...expected.keys(), ...found.keys()])].filter(
      (file) => expected.get(file) !== found.get(file),
    );
    const left = (await Promise.all([out, temporary, cache].map(leftovers))).flat();
    if (differing.length + left.length === 0) continue;
    bad++;
    console.log(`${name}: ${[...differing, ...left.map((file) => `left: ${file}`)].join(", ")}`);
  }
  const files = `${expected.size} files`;
  console.log(
    `${name}: ${kills} kills in ${rounds} rounds, ${files}, ${(await readdir(temporary)).length} in the temporary folder`,
  );
}
await rm(folder, { recursive: true });
console.log(bad === 0 ? "all ended in the same bytes, and left nothing" : `${bad} rounds were wrong`);
process.exitCode = bad === 0 ? 0 : 1;
