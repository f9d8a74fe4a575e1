import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { describeWith, type Requirement } from "../../../../test/support/requirement.js";

const PRLIMIT: Requirement = {
  what: "prlimit on Linux",
  advice: "apt-get install util-linux",
  find: () => {
    try {
      return execFileSync("which", ["prlimit"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch {
      return undefined;
    }
  },
};

/**
 * An image is upscaled where the process may take so many MiB more than it has, until the engine has failed, for what it took by then
 * JavaScript would lack afterwards; then again with all the memory that there is.
 */
const program = (prlimit: string, megabytes: number): string => `
  import { execFileSync } from "node:child_process";
  import { readFileSync } from "node:fs";
  import { sourceInMemory } from "./packages/upscaler/dist/images/pixels.js";
  import { readNetworkFile } from "./packages/upscaler/dist/loading/network-file.js";
  import { createSession } from "./packages/upscaler/dist/node/session.js";
  import { gathered } from "./packages/upscaler/dist/upscaling/bands.js";
  import { loadNetwork } from "./packages/upscaler/dist/upscaling/load.js";

  const limit = (bytes) => execFileSync(${JSON.stringify(prlimit)}, ["--pid", String(process.pid), "--as=" + bytes + ":"]);
  const runs = [];
  const create = async (onnx, options) => {
    const session = await createSession(onnx, options);
    const run = async (feeds, how) => {
      const [, , height, width] = feeds.lr.shape;
      const outcome = await session.run(feeds, how).then((value) => ({ value }), (error) => ({ error }));
      runs.push([height * width, outcome.error ? String(outcome.error) : "done"]);
      if (outcome.error) {
        limit("unlimited");
        throw outcome.error;
      }
      return outcome.value;
    };
    return { run, carried: () => session.carried(), close: () => session.close() };
  };
  const file = readNetworkFile(readFileSync("packages/upscaler/models/photo-x2.safetensors"), "photo-x2.safetensors");
  const open = () => loadNetwork(
    file,
    { create, createForeign: create, autoDevice: async () => "cpu" },
    { threads: 1, memory: 2 ** 34, quality: 0.5 },
  );
  const [width, height] = [400, 380];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => ((i * 2654435761) >>> 5) % 256);
  const upscaled = async (upscaler) => {
    const { bands, height: rows } = upscaler.enlarge(sourceInMemory({ width, height, channels: 3, data }));
    return (await gathered(bands, rows)).data;
  };
  const upscaler = await open();
  const taken = 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
  limit(taken + ${megabytes} * 2 ** 20);
  const found = await upscaled(upscaler);
  await upscaler.dispose();
  const short = [...runs];
  const expected = await upscaled(await open());
  console.log(JSON.stringify({ runs: short, same: Buffer.compare(expected, found) === 0 }));
  process.exit(0);
`;

describeWith(PRLIMIT, "an engine that runs out of memory", (prlimit) => {
  it("computes smaller tiles, and just the same image", async () => {
    const { stdout, stderr, code } = await runSource(program(prlimit, 30), { seconds: 60 });
    expect(code, stderr).toBe(0);
    const { runs, same } = JSON.parse(stdout) as { runs: [number, string][]; same: boolean };
    expect(runs[0]?.[0]).toBe(400 * 380);
    const failed = runs.filter(([, outcome]) => outcome !== "done").map(([pixels]) => pixels);
    expect(new Set(failed).size).toBe(failed.length);
    expect(runs[0]?.[1]).toMatch(/memory|alloc/i);
    expect(runs.at(-1)?.[1]).toBe("done");
    expect(runs.at(-1)?.[0]).toBeLessThan(400 * 380);
    expect(same).toBe(true);
  });
});
