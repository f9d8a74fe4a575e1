import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ROOT } from "./support/child.js";
import { cropPhotographs, freshClone, narrowTeacher } from "./support/clone.js";

const pagesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));

const read = (page: string): string => readFileSync(join(ROOT, page), "utf8");

const README = "README.md";
const PAGES = [README, ...pagesOf("docs")];
const TEXT = PAGES.map(read).join("\n");
const BLOCKS = [...TEXT.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block as string);

/** Blocks that say what they need are for readers who have it. */
const RUNNABLE = BLOCKS.filter((block) => !block.startsWith("# needs "));

/** What GitHub makes of a page's headings to link to. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe("README and the pages of docs", () => {
  it("have commands that run as they stand in a fresh clone", { timeout: 900_000 }, async () => {
    expect(RUNNABLE.length).toBeGreaterThanOrEqual(5);
    const cwd = await freshClone();
    await cropPhotographs(cwd);
    await narrowTeacher(cwd);
    const env = { ...process.env, XDG_CACHE_HOME: join(cwd, "cache") };
    for (const block of RUNNABLE) await promisify(execFile)("bash", ["-euc", block], { cwd, env });
    for (const file of ["large.png", "student.safetensors", "student.onnx", "student.pt", "run/report.html"]) {
      expect(existsSync(join(cwd, file)), file).toBe(true);
    }
  });

  it("say of the others what they need, and where that is", () => {
    const needed = BLOCKS.flatMap((block) => /^# needs (.*)/.exec(block)?.[1]?.split(/, | and /) ?? []);
    for (const name of new Set(needed.filter((each) => /^[A-Z]/.test(each)))) {
      expect(TEXT, name).toMatch(new RegExp(`^\\|.*\`${name}\`.*<https?://`, "m"));
    }
  });

  it.each(PAGES)("%s has no command outside those blocks, and names no file that isn't there", (page) => {
    expect(read(page)).not.toMatch(/^ {4}np[mx] /m);
    for (const [path] of read(page).matchAll(/(?<!\w\/)\b(?:assets|bench|docs|test)\/[\w./-]+\w/g)) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });

  it.each([...PAGES, "ARCHITECTURE.md", ...pagesOf("docs/decisions")])("%s links to what is there", (page) => {
    for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      expect(existsSync(join(ROOT, file)), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(file), target).toContain(anchor);
    }
  });
});

describe("README", () => {
  it("is of a length and width that is read", () => {
    const lines = read(README).split("\n");
    expect(lines.length).toBeLessThanOrEqual(120);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });
});
