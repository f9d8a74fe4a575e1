import { afterEach, describe, expect, it, vi } from "vitest";
import { prepareCommand } from "../../src/cli/prepare.js";
import { listing, photographs, temporaryFolder } from "../datasets/folders.js";

function run(...words: string[]): Promise<unknown> {
  return prepareCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync(words, { from: "user" });
}

function printed(): () => string {
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  return () => written.mock.calls.map(([text]) => text).join("");
}

describe("slimsr prepare", () => {
  afterEach(() => vi.restoreAllMocks());

  it("writes LR at every scale asked for and says so", async () => {
    const [hr, out] = [await photographs(), await temporaryFolder()];
    const text = printed();
    await run("--hr", hr, "--scale", "2, 4", "--out", out);
    expect(text()).toBe(`${out}: 3 images, LR at ×2, ×4\n`);
    expect(await listing(out)).toHaveLength(9);
  });

  it("prints JSON", async () => {
    const [hr, out] = [await photographs(), await temporaryFolder()];
    const text = printed();
    await run("--hr", hr, "--scale", "3", "--out", out, "--json");
    expect(JSON.parse(text())).toEqual({
      out,
      scales: [3],
      images: [
        { name: "a", width: 101, height: 75 },
        { name: "b", width: 192, height: 192 },
        { name: "nested/c", width: 240, height: 192 },
      ],
      skipped: [],
    });
  });

  it.each(["1", "0", "2,x", "-2", "2.5", ""])("refuses the scale %j", async (scale) => {
    await expect(run("--hr", "a", "--scale", scale, "--out", "b")).rejects.toThrow("invalid");
  });
});
