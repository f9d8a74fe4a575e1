import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GraphError } from "../../src/errors.js";
import { OPERATORS, operatorNamed } from "../../src/operators/index.js";
import { declaredOperators } from "./family.js";

const families = await declaredOperators();

describe("operators", () => {
  it("are all known that some file declares, each once", () => {
    const declared = families.flatMap(({ operators }) => operators);
    expect(declared.length).toBeGreaterThan(70);
    expect(new Set(OPERATORS)).toEqual(new Set(declared));
    const names = OPERATORS.map(({ name, domain }) => `${domain} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  // Gradients of our own are tested where they are taken.
  const engines = families.filter(({ operators }) => operators.some(({ decompose }) => !decompose));

  it.each(engines)("of $file have a test file", ({ file }) => {
    expect(existsSync(new URL(file.replace(".ts", ".test.ts"), import.meta.url))).toBe(true);
  });

  it("are found by name and domain", () => {
    for (const operator of OPERATORS) expect(operatorNamed(operator.name, operator.domain)).toBe(operator);
    expect(() => operatorNamed("Quux")).toThrow(GraphError);
    expect(() => operatorNamed("Quux")).toThrow(/operator Quux is not supported/);
    expect(() => operatorNamed("FusedMatMul")).toThrow(/operator FusedMatMul is not supported/);
  });
});
