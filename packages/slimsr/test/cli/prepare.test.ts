import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { prepareCommand } from "../../src/cli/prepare.js";
import { openDataset } from "../../src/datasets/dataset.js";
import { readImage } from "../../src/images/decode.js";
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

  it("writes what other degradations make, of which restoration's keep their size", async () => {
    const [hr, out] = [await photographs(), await temporaryFolder()];
    const text = printed();
    await run("--hr", hr, "--degrade", "noise:25", "--out", out);
    expect(text()).toBe(`${out}: 3 images, inputs of their size, noise:25\n`);
    expect(await listing(out)).toContain("LR/nested/c.png");
    const cacheDirectory = await temporaryFolder();
    const set = await openDataset(out, { scale: 1, cacheDirectory });
    expect(set.degradation).toBe("as found");
    const made = await openDataset(hr, { scale: 1, degrade: "noise:25", cacheDirectory });
    expect(await set.pairs[0]?.hr()).toEqual(await made.pairs[0]?.hr());
    const again = await temporaryFolder();
    await run("--hr", hr, "--degrade", "noise:25", "--out", again);
    expect(await readImage(join(again, "LR/b.png"))).toEqual(await set.pairs[1]?.lr());
    await expect(run("--hr", hr, "--scale", "2", "--out", out)).rejects.toThrow(
      "holds inputs that were made otherwise",
    );
    await expect(run("--hr", hr, "--scale", "2", "--degrade", "noise:5", "--out", hr)).rejects.toThrow(
      "leave --scale out",
    );
    await expect(run("--hr", hr, "--out", out)).rejects.toThrow("say by how much images are reduced: --scale 2,3,4");
    const reduced = await temporaryFolder();
    await run("--hr", hr, "--scale", "2", "--degrade", "blur:1.6+bicubic", "--out", reduced);
    expect(await listing(reduced)).toContain("LR/X2/bx2.png");
    expect((await openDataset(reduced, { scale: 2, cacheDirectory })).degradation).toBe("as found");
  }, 60_000);

  it.each(["1", "0", "2,x", "-2", "2.5", ""])("refuses the scale %j", async (scale) => {
    await expect(run("--hr", "a", "--scale", scale, "--out", "b")).rejects.toThrow("invalid");
  });
});
