import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";

const SMALL = `
  import { Graph } from "./packages/core/dist/graph/index.js";
import { add, matMul } from "./packages/core/dist/operators/index.js";
  import { createSession } from "./packages/upscaler/dist/node/session.js";
  import { float32 } from "./packages/upscaler/dist/engine/session.js";
  const graph = new Graph("small");
  const x = graph.input("x", [256, 256]);
  graph.output("y", add(matMul(x, x), x));
  const feeds = { x: float32(new Float32Array(65536).fill(1), [256, 256]) };
`;

describe("a process", () => {
  it("ends with a session open that has nothing to do", async () => {
    const idle = `${SMALL}
      const session = await createSession(graph, { threads: 2 });
      console.log((await session.run(feeds)).outputs.y.data[0]);`;
    expect(await runSource(idle)).toEqual({ code: 0, stdout: "257\n", stderr: "" });
  });

  it("waits for a run that nobody awaits", async () => {
    const busy = `${SMALL}
      const session = await createSession(graph, { threads: 1 });
      for (let i = 0; i < 5; i++) session.run(feeds).then(({ outputs }) => console.log(i, outputs.y.data[0]));`;
    const { code, stdout } = await runSource(busy);
    expect(code).toBe(0);
    expect(stdout).toBe("0 257\n1 257\n2 257\n3 257\n4 257\n");
  });

  it.runIf(process.platform === "linux")("without a Vulkan driver is told how to get one", async () => {
    const source = `${SMALL}
      createSession(graph, { device: "webgpu" }).catch((error) => console.log(error.name, error.message));`;
    const { code, stdout } = await runSource(source, { env: { VK_DRIVER_FILES: "/nonexistent.json" } });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^DeviceError device webgpu: [\s\S]*webgpu needs a Vulkan[\s\S]*package chromium[\s\S]*VK_DRIVER_FILES/,
    );
  });
});

describeWith(SOFTWARE_GPU, "on WebGPU", (driver) => {
  it("sessions of several threads take turns on the device that they share", async () => {
    const source = `
      import { Graph } from "./packages/core/dist/graph/index.js";
      import { add, relu } from "./packages/core/dist/operators/index.js";
      import { createSession } from "./packages/upscaler/dist/node/session.js";
      const graph = new Graph("steps");
      graph.output("y", [1, 2, 3, 4].reduce((y) => relu(add(y, 1)), graph.input("x", [64])));
      await Promise.all([0, 1, 2, 3].map(async (start) => {
        for (let round = 0; round < 3; round++) {
          const session = await createSession(graph, { device: "webgpu", threads: 1 });
          for (let run = 0; run < 10; run++) {
            const x = { dtype: "float32", shape: [64], data: new Float32Array(64).fill(start) };
            const { outputs } = await session.run({ x });
            if (outputs.y.data[63] !== start + 4) throw new Error("y is " + outputs.y.data[63]);
          }
          await session.close();
        }
      }));
      console.log("done");`;
    // Without a folder for sockets, a driver of a desktop says so.
    const env = { VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: tmpdir() };
    const { code, stdout, stderr } = await runSource(source, { env, seconds: 170 });
    expect(stderr).toBe("");
    expect([code, stdout]).toEqual([0, "done\n"]);
  }, 180_000);
});
