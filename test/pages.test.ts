import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { OPERATORS } from "../packages/core/src/operators/index.js";
import { operatorsPage } from "../scripts/operators-page.js";
import { ROOT } from "./support/child.js";

describe("docs/operators.md", () => {
  const page = readFileSync(join(ROOT, "docs/operators.md"), "utf8");

  it("is what npm run operators writes", () => {
    expect(page).toBe(operatorsPage());
  });

  it("has a line for each operator of ONNX's that is declared", () => {
    const lines = page.split("\n").filter((line) => line.startsWith("| "));
    const declared = OPERATORS.filter(({ domain }) => domain === "");
    expect(declared.length).toBeGreaterThan(70);
    for (const { name } of declared) {
      expect(
        lines.filter((line) => line.startsWith(`| ${name} |`)),
        name,
      ).toHaveLength(1);
    }
  });
});
