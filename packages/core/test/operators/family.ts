import { readdir } from "node:fs/promises";
import type { Operator } from "../../src/graph/index.js";

/** The exports of a file that declares operators. */
export type Family = Readonly<Record<string, unknown>>;

export const operatorsOf = (family: Family): Operator[] =>
  Object.values(family).filter((member): member is Operator => typeof member === "object");

/** What each source file declares. */
export async function declaredOperators(): Promise<{ file: string; operators: Operator[] }[]> {
  const folder = new URL("../../src/operators/", import.meta.url);
  const files = (await readdir(folder)).filter((file) => file !== "index.ts");
  return Promise.all(
    files.map(async (file) => ({
      file,
      operators: operatorsOf((await import(new URL(file, folder).href)) as Family),
    })),
  );
}
