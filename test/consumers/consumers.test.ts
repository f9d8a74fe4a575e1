import { cp, mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "../support/child.js";
import { type Project, packedProject } from "../support/packed.js";
import { CHROMIUM, describeWith } from "../support/requirement.js";
import { serveFolder } from "./site.js";

interface Result {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
}

const TYPESCRIPT = ["typescript-oldest@npm:typescript@5.4", "typescript-newest@npm:typescript@5.9", "@types/node@20"];
const ENGINES = ["onnxruntime-node", "onnxruntime-web"];
const BUNDLER = "webpack@5";

let project: Project;
let expected: Result;
/** A path in the project's folder. */
const inProject = (...path: string[]): string => join(project.folder, ...path);

async function run(file: string, source: string): Promise<Result> {
  await writeFile(inProject(file), source);
  return JSON.parse(await project.run(process.execPath, file)) as Result;
}

beforeAll(async () => {
  project = await packedProject();
  await project.install(["@slimsr/core", "@slimsr/upscaler"], [...ENGINES, ...TYPESCRIPT, BUNDLER]);
  for (const name of ["program.js", "types.ts", "types-web.ts", "bundle-by-webpack.js"]) {
    await cp(join(ROOT, "test/consumers", name), inProject(name));
  }
  expected = await run(
    "main.js",
    'import { upscaled } from "./program.js"; console.log(JSON.stringify(await upscaled()));',
  );
}, 600_000);

afterAll(() => project?.remove());

describe("the packed upscaler in Node", { timeout: 300_000 }, () => {
  it("upscales as a module", () => {
    expect([expected.width, expected.height, expected.data.length]).toEqual([96, 64, 96 * 64 * 3]);
    expect(new Set(expected.data).size).toBeGreaterThan(100);
  });

  it("makes the same image in CommonJS", async () => {
    const source = 'require("./program.js").upscaled().then((image) => console.log(JSON.stringify(image)));';
    expect(await run("main.cjs", source)).toEqual(expected);
  });

  it("makes the same image in an engine that is handed to it", async () => {
    const source =
      'import * as ort from "onnxruntime-node"; import { upscaled } from "./program.js"; ' +
      "console.log(JSON.stringify(await upscaled({ engine: ort })));";
    expect(await run("engine.js", source)).toEqual(expected);
  });

  it("says that sharp is missing where a file is to be read", async () => {
    const source = `import { Upscaler } from "@slimsr/upscaler";
      const upscaler = await Upscaler.load("photo-x2", { quality: 0.25 });
      await upscaler.upscaleFile(Buffer.from("\\x89PNG\\r\\n\\x1a\\n", "latin1"), "out.png").catch(({ message }) => console.log(JSON.stringify(message)));
      await upscaler.dispose();`;
    expect(await run("sharp.js", source)).toContain("npm install sharp");
  });
});

describe("its types", { timeout: 300_000 }, () => {
  const modes = [
    ["types.ts", "node16", "node16"],
    ["types.ts", "nodenext", "nodenext"],
    ["types.ts", "esnext", "bundler"],
    ["types-web.ts", "esnext", "bundler"],
  ] as const;

  it.each(["typescript-oldest", "typescript-newest"])("are understood by %s", async (compiler) => {
    for (const [file, module, resolution] of modes) {
      const flags = ["--noEmit", "--strict", "--target", "es2022", "--skipLibCheck", "--types", "node"];
      const lib = file === "types-web.ts" ? ["--lib", "es2023,dom,dom.iterable"] : ["--lib", "es2023"];
      const said = await project
        .run(
          process.execPath,
          inProject("node_modules", compiler, "bin/tsc"),
          ...flags,
          ...lib,
          ...["--module", module, "--moduleResolution", resolution, file],
        )
        .catch(({ stdout }: { stdout: string }) => stdout);
      expect(said, `${file} under ${resolution}`).toBe("");
    }
  });
});

describeWith(CHROMIUM, "the packed upscaler in a browser", (executablePath) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath });
  });
  afterAll(() => browser?.close());

  const PAGE = `import { upscaled } from "./program.js";
    window.result = upscaled(window.engine && { engine: window.engine }).then(JSON.stringify, String);`;
  const INJECTED = 'import * as ort from "onnxruntime-web/wasm"; window.engine = ort;';
  const HTML = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';

  /** What a page of a folder makes of the picture. */
  async function inPage(folder: string): Promise<Result> {
    const [site, page] = [await serveFolder(folder), await browser.newPage()];
    onTestFinished(async () => {
      await page.close();
      site.close();
    });
    await page.goto(`${site.url}/index.html`);
    await page.waitForFunction(() => "result" in globalThis);
    const said = await page.evaluate(() => (globalThis as unknown as { result: Promise<string> }).result);
    expect(said).toMatch(/^\{/);
    return JSON.parse(said) as Result;
  }

  function expectSame(found: Result): void {
    expect([found.width, found.height]).toEqual([expected.width, expected.height]);
    const most = found.data.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (expected.data[i] ?? 0))), 0);
    expect(most).toBeLessThanOrEqual(1);
  }

  async function writePage(isInjected: boolean): Promise<void> {
    await writeFile(inProject("injected.js"), isInjected ? INJECTED : "");
    await writeFile(inProject("page.js"), `import "./injected.js";\n${PAGE}`);
    await writeFile(inProject("index.html"), HTML);
  }

  it.each([
    ["with its workers as entries", false],
    ["with an engine that is handed to it", true],
  ])("makes the same image in a bundle by esbuild %s", { timeout: 300_000 }, async (_, isInjected) => {
    await writePage(isInjected);
    const site = inProject(`esbuild-${isInjected}`);
    const worker = "node_modules/@slimsr/upscaler/dist/web/session-worker-cpu.js";
    await esbuild({
      ...{ absWorkingDir: project.folder, entryPoints: isInjected ? ["page.js"] : ["page.js", worker] },
      ...{ entryNames: "[name]", outdir: site, bundle: true, format: "esm", logLevel: "error" },
    });
    await cp(inProject("index.html"), join(site, "index.html"));
    const engine = join(createRequire(inProject("main.js")).resolve("onnxruntime-web"), "..");
    for (const name of ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"]) {
      await cp(join(engine, name), join(site, name));
    }
    await mkdir(join(site, "models"), { recursive: true });
    const model = "models/photo-x2.safetensors";
    await cp(inProject("node_modules/@slimsr/upscaler", model), join(site, model));
    expectSame(await inPage(site));
  });

  it.each([
    ["as it is", false],
    ["with an engine that is handed to it", true],
  ])("makes the same image in a bundle by Vite %s", { timeout: 300_000 }, async (_, isInjected) => {
    await writePage(isInjected);
    const { build } = await import("vite");
    const outDir = inProject(`vite-${isInjected}`);
    await build({
      ...{ root: project.folder, configFile: false, logLevel: "error" },
      build: { outDir, target: "es2022" },
    });
    expectSame(await inPage(outDir));
  });

  it("makes the same image in a bundle by webpack", { timeout: 300_000 }, async () => {
    await writePage(false);
    await project.run(process.execPath, "bundle-by-webpack.js");
    await cp(inProject("index.html"), inProject("webpack", "index.html"));
    expectSame(await inPage(inProject("webpack")));
  });
});
