import { describe, expect, it, onTestFinished } from "vitest";
import { modelOf } from "../../../../test/support/networks.js";
import { type Deployment, deploy } from "../../../core/src/export/deployment.js";
import { exampleOf, exportModel } from "../../../core/src/export/onnx.js";
import { onnxDeployment } from "../../../core/src/export/onnx-file.js";
import { readModel } from "../../../core/src/formats/model-file.js";
import type { NetworkOptions } from "../../../core/src/networks/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { cropPlanes, type Planes } from "../../src/images/planes.js";
import { createSession } from "../../src/node/session.js";
import { TiledNetwork } from "../../src/tiling/tiled-network.js";

/** Its attention needs 15 pixels a side. */
const network: NetworkOptions = {
  ...{ architecture: "rlfn", scale: 2, features: 8, range: 255, blocks: 1, within: 8, attention: 4 },
};

const image = (width: number, height: number): Planes => ({
  ...{ width, height },
  data: Float32Array.from({ length: 3 * width * height }, (_, i) => (i * 97) % 256),
});

async function opened(size: Deployment["size"]): Promise<TiledNetwork> {
  const upscaler = await TiledNetwork.open({ ...deploy(modelOf(network)), size }, createSession, { name: "rlfn" });
  onTestFinished(() => upscaler.close());
  return upscaler;
}

describe("a network that doesn't take all sizes", () => {
  const { size } = deploy(modelOf(network));

  it.each([
    ["less than the least", size, [9, 20], [15, 20]],
    ["no multiple", { minimum: 16, multipleOf: 8 }, [17, 10], [24, 16]],
  ] as const)("makes images of %s whose borders are repeated", async (_, rule, [width, height], [wider, higher]) => {
    const upscaler = await opened(rule);
    await upscaler.warmUp();
    const { planes, deviation } = await upscaler.upscale(image(width, height));
    expect(deviation).toBe("padded");
    expect([planes.width, planes.height]).toEqual([2 * width, 2 * height]);
    const padded = cropPlanes(image(width, height), { x: 0, y: 0, width: wider, height: higher });
    const whole = await upscaler.upscale(padded);
    expect(whole.deviation).toBeUndefined();
    expect(planes.data).toEqual(cropPlanes(whole.planes, { x: 0, y: 0, width: 2 * width, height: 2 * height }).data);
  });

  it.each([
    ["with", exportModel(modelOf(network))],
    [
      "without",
      writeOnnx(exampleOf(modelOf(network)), { dynamicAxes: { lr: { 2: "h", 3: "w" }, sr: { 2: "H", 3: "W" } } }),
    ],
  ])("is known by its ONNX file, %s what that says of itself", (_, onnx) => {
    expect(onnxDeployment("rlfn.onnx", onnx).size).toEqual(size);
    expect(readModel(onnx, "rlfn.onnx").descriptor.size).toEqual(size);
  });

  it("makes those that it takes as they are", async () => {
    expect(size).toEqual({ minimum: 15, multipleOf: 1 });
    const { planes, deviation } = await (await opened(size)).upscale(image(15, 16));
    expect(deviation).toBeUndefined();
    expect([planes.width, planes.height]).toEqual([30, 32]);
  });
});
