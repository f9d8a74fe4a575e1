import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import type { Overrides } from "../../src/checkpoints/overrides.js";
import { recognise } from "../../src/checkpoints/recognise.js";
import { readSafetensors } from "../../src/checkpoints/safetensors.js";
import type { StateDict, StateTensor } from "../../src/checkpoints/state.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel } from "../../src/formats/model-file.js";
import { type Model, networkModel } from "../../src/model/model.js";
import { readOnnx } from "../../src/onnx/index.js";

/**
 * A folder of published checkpoints (pth/), and of what PyTorch makes with them (NAME.safetensors: input and output): a small one of
 * the repository's, or a larger one that is named.
 */
const ZOO =
  process.env.SLIMSR_ZOO ?? fileURLToPath(new URL("../../../../test/fixtures/onnx/published", import.meta.url));

const isThere = (...path: string[]): boolean => existsSync(join(ZOO, ...path));

const CASES: [golden: string, file: string, range: 255 | 1, overrides: Overrides][] = [
  ["carn_m_x2", "carn_m.pth", 1, { scale: 2 }],
  ["carn_m_x4", "carn_m.pth", 1, { scale: 4 }],
  ["dncnn_gray25", "dncnn_25.pth", 1, {}],
  ["ffdnet_color25_even", "ffdnet_color.pth", 1, { noise: 25 }],
  ["imdn_x4", "imdn.pth", 1, {}],
  ["plainusr_s_x2", "plainusrS_x2.pth", 1, {}],
  ["plainusr_u_x2", "plainusrU_x2.pth", 1, {}],
  ["rfdn_x4", "rfdn.pth", 255, {}],
  ["rlfn_x4", "rlfn.pth", 255, {}],
  ["span_x4", "span.pth", 1, {}],
];

const read = (...path: string[]): Uint8Array => new Uint8Array(readFileSync(join(ZOO, ...path)));

/** Compares what the exported model makes of a golden input with the golden output. */
async function expectGolden(model: Model, golden: string, range: 255 | 1): Promise<void> {
  const { tensors } = readSafetensors(read(`${golden}.safetensors`), golden);
  const [input, output] = [tensors.get("input"), tensors.get("output")];
  if (!input || !output) throw new Error(`${golden} lacks input or output`);
  const session = await createSession(exportModel(model), { threads: 1, spinning: false });
  try {
    const pixels = input.data.map((value) => (value * 255) / range);
    const { outputs } = await session.run({ lr: float32(pixels, input.shape) });
    expect(outputs.sr?.shape).toEqual(output.shape);
    const made = floats(outputs, "sr");
    const differences = output.data.map((value, i) => Math.abs((made[i] as number) * (range / 255) - value));
    expect(differences.reduce((a, b) => Math.max(a, b)) / range).toBeLessThan(1e-3);
  } finally {
    await session.close();
  }
}

/** Real-ESRGAN's parameters as its checkpoints have them, from an export that folded the slopes' names away. */
function srvggState(): StateDict {
  const { graph } = readOnnx(read("srvgg_animevideo_x4.onnx"), { sizes: (_, axis) => [1, 3, 16, 16][axis] });
  const parameters = graph.constants.filter(({ data, shape }) => data instanceof Float32Array && shape.length > 0);
  const slopes = parameters.filter(({ shape }) => shape.length === 3);
  return new Map(
    parameters.flatMap((value): [string, StateTensor][] => {
      const { name, shape, data } = value;
      const slope = slopes.indexOf(value);
      const tensor = {
        dtype: "float32" as const,
        shape: slope < 0 ? shape : shape.slice(0, 1),
        data: data as Float32Array,
      };
      if (slope >= 0) return [[`body.${2 * slope + 1}.weight`, tensor]];
      return name.startsWith("body.") ? [[name, tensor]] : [];
    }),
  );
}

describe("published checkpoints, exported, compute what PyTorch does", () => {
  it.each(CASES.filter(([, file]) => isThere("pth", file)))("%s from %s", async (golden, file, range, overrides) => {
    await expectGolden(readModel(read("pth", file), file, overrides), golden, range);
  });

  if (isThere("srvgg_animevideo_x4.onnx"))
    it("srvgg_animevideo_x4 from the parameters of an export", async () => {
      const { network, parameters, source } = recognise(srvggState(), {}, "srvgg");
      expect(source).toBe("real-esrgan");
      await expectGolden(networkModel(network, parameters), "srvgg_animevideo_x4", 1);
    });
});
