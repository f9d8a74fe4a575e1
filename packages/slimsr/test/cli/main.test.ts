import { describe, expect, it } from "vitest";
import { slimsr } from "./runs.js";

/** "slim [options]": how help lists the commands. */
const listed = (help: string): string[] =>
  [...(/Commands:\n(.*)/s.exec(help)?.[1] ?? "").matchAll(/^ {2}(\w+(?: [[<][\w.]+[\]>])*)/gm)].map(
    (match) => match[1] as string,
  );

describe("slimsr", () => {
  it("lists the commands as they describe themselves", { timeout: 240_000 }, async () => {
    const { code, stdout } = await slimsr("--help");
    expect(code).toBe(0);
    const commands = listed(stdout).filter((usage) => !usage.startsWith("help"));
    expect(commands.map((usage) => usage.split(" ")[0])).toEqual([
      "upscale",
      "models",
      "inspect",
      "convert",
      "export",
      "parity",
      "prepare",
      "evaluate",
      "slim",
      "quantise",
      "compress",
      "train",
      "ablate",
      "cache",
      "completion",
    ]);
    for (const usage of commands) {
      const [name = ""] = usage.split(" ");
      const own = await slimsr(name, "--help");
      expect(own.code).toBe(0);
      expect(own.stdout).toContain(`Usage: slimsr ${usage}\n\n`);
      expect((await slimsr("help", name)).stdout).toBe(own.stdout);
    }
  });

  it("says its version", async () => {
    const { code, stdout } = await slimsr("--version");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [["slim", "--techer", "a.pt", "--out", "b"], "unknown option '--techer'\n(Did you mean --teacher?)"],
    [["slim", "--teacher", "a.pt"], "required option '--out <file>' not specified"],
    [["evaluate", "--modle", "a.pt", "--data", "b"], "(Did you mean --model?)"],
    [["ablate", "--out", ""], "option '--out <folder>' is empty"],
    [["compress", "--out", ""], "option '--out <folder>' is empty"],
    [["evaluate", "--model", "a.pt", "--data", "b", ""], "option '--data <folder...>' is empty"],
    [["inspect", ""], "an argument is empty"],
    [
      ["compress", "--teacher", "a.pt", "--threads", "1000"],
      "'1000' is invalid. It must be a whole number from 1 to 256.",
    ],
    [["compress", "--learning-rate", "1e-320"], "It must be a number from 1e-9 to 10."],
    [["slim", "--res-scale", "1e300"], "It must be a number from -100 to 100."],
    [["slim", "--ms", "1e300"], "It must be a number from 0.001 to 3600000."],
    [["slim", "--at", "256"], "It must be a width and a height from 8 to 65536 pixels, such as 1280x720."],
    [["evaluate", "--memory", "1e300"], "It must be a whole number from 16 to 16777216."],
    [["prepare", "--scale", "1"], "It must be a whole number from 2 to 64."],
    [["ablate", "--seed", "0,x"], "It must be a whole number from 0 to 2147483648."],
    [["train", "--resume", "run", "--steps", "4"], "leave out --steps"],
    [["compress", "--resume", "run", "--preset", "paper"], "leave out --preset"],
    [["convert", "a.onnx", "--out", "b.pt"], "a.onnx is an ONNX model"],
  ])("refuses %j with exit code 2", async (words, message) => {
    const { code, stdout, stderr } = await slimsr(...words);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("fails with exit code 1", async () => {
    const { code, stderr } = await slimsr("inspect", "none.pt");
    expect([code, stderr]).toEqual([1, "slimsr: none.pt cannot be read: there is no such file or folder\n"]);
  });

  it("says which command there isn't", async () => {
    const { code, stderr } = await slimsr("slm", "--width", "0.5");
    expect(code).toBe(2);
    expect(stderr).toBe("error: unknown command 'slm'\n(Did you mean slim?)\n");
  });
});
