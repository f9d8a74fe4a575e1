import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT, runNode, runSource } from "../../../../test/support/child.js";
import { noise } from "../../../../test/support/photographs.js";
import { initializer, model, node, raw, TYPES, value } from "../../../core/test/onnx/bytes.js";
import { place, temporaryFolder } from "../datasets/folders.js";

/** What sets a terminal's colours, but for what sets them back. */
const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*[1-9][\\d;]*m`);

const MAIN = "packages/slimsr/bin/slimsr.js";

/** A network for images of 32×32 alone, which says that it takes any, and has an initialiser that nothing reads: engines warn of it. */
function complaining(): Uint8Array {
  const image = ["n", 3, "h", "w"];
  const floats = (numbers: readonly number[]) => raw(9, new Uint8Array(Float32Array.from(numbers).buffer));
  const shape = raw(9, new Uint8Array(BigInt64Array.of(1n, 3n, 32n, 32n).buffer));
  return model({
    graph: [
      node({ operator: "Reshape", inputs: ["x", "shape"], outputs: ["same"] }),
      node({ operator: "Relu", inputs: ["same"], attributes: [] }),
      ...[value(11, "x", image), value(12, "y", image)],
      initializer("shape", TYPES.int64, [4], shape),
      initializer("unread", TYPES.float, [2], floats([1, 2])),
    ],
  });
}

/** The engine by itself, as it is when nobody keeps it quiet. */
const LOUD = `
  import { InferenceSession, Tensor } from "onnxruntime-node";
  const session = await InferenceSession.create(process.env.MODEL);
  await session.run({ x: new Tensor("float32", new Float32Array(3 * 40 * 40), [1, 3, 40, 40]) }).catch(() => undefined);`;

describe("standard error", () => {
  it("has no line of the engine's own, where it fails too", { timeout: 120_000 }, async () => {
    const folder = await temporaryFolder();
    const [file, images] = [join(folder, "model.onnx"), join(folder, "images")];
    await place(images, { "a.bmp": noise(40, 40, 3, 8) });
    await writeFile(file, complaining());
    const env = { MODEL: file, ORT_DISABLE_TELEMETRY: "1" };
    expect((await runSource(LOUD, { env })).stderr).toMatch(COLOUR);
    const words = [
      "evaluate",
      "--model",
      file,
      "--data",
      images,
      "--scale",
      "1",
      "--degrade",
      "noise:25",
      "--range",
      "255",
    ];
    const { code, stdout, stderr } = await runNode([MAIN, ...words, "--threads", "1"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^slimsr: model\.onnx.*Reshape/m);
    expect(stderr).not.toMatch(/\p{Cc}(?<!\n)|\[[WEF]:onnxruntime/u);
  });

  it.skipIf(process.platform !== "linux")(
    "has no colours on a terminal where NO_COLOR is set",
    {
      timeout: 120_000,
    },
    async () => {
      const onTerminal = (...words: string[]): Promise<string> =>
        new Promise((resolve) => {
          const command = [process.execPath, MAIN, ...words].join(" ");
          const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, TERM: "xterm-256color" };
          execFile(
            "script",
            ["--quiet", "--return", "--command", command, "/dev/null"],
            { cwd: ROOT, env },
            (_, stdout) => resolve(stdout),
          );
        });
      const folder = await temporaryFolder();
      for (const [words, said] of [
        [["--help"], "Usage: "],
        [["slim", "--width", "2"], "Widths are shares"],
        [["inspect", "none.pt"], "cannot be read"],
        [["prepare", "--hr", "test/fixtures/images", "--scale", "2", "--out", join(folder, "out")], "images"],
      ] as const) {
        const printed = await onTerminal(...words);
        expect(printed).toContain(said);
        expect(printed).not.toMatch(COLOUR);
      }
    },
  );
});
