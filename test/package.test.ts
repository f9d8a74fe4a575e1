import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const sources = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${folder}/${file}`);

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?"([^"]+)"/g)].map((match) => match[1] as string);

describe("the package", () => {
  it("keeps Node out of what runs anywhere", () => {
    const anywhere = ["graph", "differentiate", "lowering", "networks", "objectives", "optimisers"];
    const node = anywhere
      .flatMap((folder) => sources(`packages/core/src/${folder}`))
      .filter((file) => importsOf(file).some((name) => name.startsWith("node:") || name.includes("onnxruntime")));
    expect(node).toEqual([]);
  });

  it("imports the engine in one folder only", () => {
    const users = sources("packages").filter((file) => importsOf(file).some((name) => name.startsWith("onnxruntime")));
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((file) => !file.startsWith("packages/upscaler/src/node/"))).toEqual([]);
  });
});
