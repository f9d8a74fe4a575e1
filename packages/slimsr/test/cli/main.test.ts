import { describe, expect, it } from "vitest";
import { slimsr } from "./runs.js";

/** "slim [options]": how help lists the commands. */
const listed = (help: string): string[] =>
  [...(/Commands:\n(.*)/s.exec(help)?.[1] ?? "").matchAll(/^ {2}(\w+(?: [[<]\w+[\]>])*)/gm)].map(
    (match) => match[1] as string,
  );

describe("slimsr", () => {
  it("lists the commands as they describe themselves", async () => {
    const { code, stdout } = await slimsr("--help");
    expect(code).toBe(0);
    const commands = listed(stdout).filter((usage) => !usage.startsWith("help"));
    expect(commands.map((usage) => usage.split(" ")[0])).toEqual([
      "inspect",
      "convert",
      "parity",
      "prepare",
      "evaluate",
      "slim",
      "compress",
      "train",
      "ablate",
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

  it("says which command there isn't", async () => {
    const { code, stderr } = await slimsr("slm", "--width", "0.5");
    expect(code).toBe(1);
    expect(stderr).toBe("error: unknown command 'slm'\n(Did you mean slim?)\n");
  });
});
