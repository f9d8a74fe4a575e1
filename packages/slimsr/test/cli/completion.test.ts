import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { slimsr } from "./runs.js";

/** What bash offers for the last of the words. */
function offered(script: string, ...words: string[]): string[] {
  const program = `${script}COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slimsr; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", program, "bash", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

describe("slimsr completion", () => {
  it("completes commands, options and their values in bash, and leaves files to the shell", async () => {
    const { code, stdout: script, stderr } = await slimsr("completion", "bash");
    expect([code, stderr]).toEqual([0, ""]);
    expect(offered(script, "slimsr", "co")).toEqual(["convert", "compress", "completion"]);
    expect(offered(script, "slimsr", "slim", "--wi")).toEqual(["--width"]);
    expect(offered(script, "slimsr", "compress", "--teacher", "x.pt", "--learn")).toEqual(["--learning-rate"]);
    expect(offered(script, "slimsr", "compress", "--method", "s")).toEqual(["slice", "scratch"]);
    expect(offered(script, "slimsr", "evaluate", "--device", "")).toEqual(["cpu", "webgpu", "cuda"]);
    expect(offered(script, "slimsr", "slim", "--teacher", "assets/")).toEqual([]);
    expect(script).toContain("complete -o default -F _slimsr slimsr");
  });

  it("speaks to zsh and fish in their own way, and to no other", async () => {
    expect((await slimsr("completion", "zsh")).stdout).toMatch(/^autoload .*bashcompinit\n_slimsr\(\) \{\n/);
    const { stdout } = await slimsr("completion", "fish");
    expect(stdout).toMatch(
      /^complete -c slimsr -n '__fish_seen_subcommand_from slim' -l init -d 'what .*' -r -f -a '.*\bbalanced\b.*'$/m,
    );
    expect(stdout).toContain(" -d 'what a patch\\'s outermost LR pixels");
    expect((await slimsr("completion", "tcsh")).stderr).toContain("Allowed choices are bash, zsh, fish.");
  });
});
