import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig, readVariants } from "../../src/cli/settings-options.js";
import { fromJson, jsonValue, toJson } from "../../src/files/json.js";
import { temporaryFolder } from "../cli/runs.js";

describe("JSON", () => {
  it("holds an infinite PSNR, and gives it back", () => {
    const value = { rows: [{ set: "Infinity", psnr: Number.POSITIVE_INFINITY, ssim: 1 }], best: { psnr: 33.66 } };
    expect(toJson(value)).toBe('{"rows":[{"set":"Infinity","psnr":"Infinity","ssim":1}],"best":{"psnr":33.66}}');
    expect(fromJson(toJson(value, 2))).toEqual(value);
    expect(jsonValue([{ psnr: Number.POSITIVE_INFINITY }])).toEqual([{ psnr: "Infinity" }]);
  });

  it("may begin with a byte-order mark, as Windows' editors write it", async () => {
    const file = join(await temporaryFolder(), "config.json");
    await writeFile(file, '\uFEFF{"steps": 7}');
    expect(await readConfig(file)).toEqual({ steps: 7 });
    await writeFile(file, '\uFEFF{"mine": {"steps": 7}}');
    expect(await readVariants(file)).toEqual([{ name: "mine", settings: { steps: 7 } }]);
  });
});
