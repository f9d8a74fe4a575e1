import { spawn } from "node:child_process";
import { once } from "node:events";
import { platform } from "node:os";
import { expect, it } from "vitest";
import { ended } from "../../src/exchange/ended.js";

const secondsOf = async (work: Promise<void>): Promise<number> => {
  const begun = performance.now();
  await work;
  return (performance.now() - begun) / 1000;
};

it.runIf(platform() === "linux")("waits for a process until it has ended, though its parent never asks", async () => {
  const parent = spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 60"]);
  try {
    const [id] = (await once(parent.stdout, "data")) as [Buffer];
    const seconds = await secondsOf(ended([Number(id)], 20));
    expect(seconds).toBeGreaterThan(0.5);
    expect(seconds).toBeLessThan(15);
    expect(() => process.kill(Number(id), 0)).not.toThrow();
  } finally {
    parent.kill();
  }
});

it.runIf(platform() === "linux")("waits no longer than told", async () => {
  const seconds = await secondsOf(ended([process.pid], 0.1));
  expect(seconds).toBeGreaterThanOrEqual(0.1);
});

it("doesn't wait for what isn't there", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  const { pid } = child;
  await once(child, "close");
  expect(await secondsOf(ended([pid as number], 20))).toBeLessThan(15);
});
