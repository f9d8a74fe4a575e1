import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "./support/child.js";
import { NAMES, type Packed, type Project, packedProject } from "./support/packed.js";

const execute = promisify(execFile);

const manifestOf = (name: string) =>
  JSON.parse(readFileSync(join(ROOT, "packages", name, "package.json"), "utf8")) as {
    name: string;
    version: string;
    dependencies: Record<string, string>;
    bin?: Record<string, string>;
  };

describe("versions of the packages", () => {
  it("agree, and so do those that they ask of one another", () => {
    const manifests = NAMES.map(manifestOf);
    const version = manifests[0]?.version;
    const own = manifests.map(({ name }) => name);
    for (const manifest of manifests) {
      expect(manifest.version).toBe(version);
      for (const [name, wanted] of Object.entries(manifest.dependencies))
        if (own.includes(name)) expect(wanted).toBe(version);
    }
    expect(Object.keys(manifestOf("slimsr").dependencies)).toEqual(expect.arrayContaining(own.slice(0, 2)));
  });
});

describe("the command", () => {
  it("is there before anything is built, so that npm ci links it in a clone", () => {
    const { slimsr = "" } = manifestOf("slimsr").bin ?? {};
    expect(existsSync(join(ROOT, "packages/slimsr", slimsr))).toBe(true);
    expect(slimsr).not.toMatch(/^dist/);
  });
});

describe("packed and installed in an empty project", { timeout: 120_000 }, () => {
  let project: Project;
  let folder = "";
  let packed: readonly Packed[] = [];

  /** Everything that is installed, by the packages' names. */
  const installed = (): string[] =>
    readdirSync(join(folder, "node_modules")).flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(folder, "node_modules", name)).map((each) => `${name}/${each}`) : name,
    );

  const runModule = (source: string): Promise<string> =>
    project.run(process.execPath, "--input-type=module", "--eval", source);

  beforeAll(async () => {
    project = await packedProject();
    ({ folder, packed } = project);
    await project.install(["@slimsr/core", "@slimsr/upscaler"]);
  }, 120_000);

  afterAll(() => project?.remove());

  it("hold what runs, its types and no traces of the build", () => {
    expect(packed.map(({ name }) => name)).toEqual(["@slimsr/core", "@slimsr/upscaler", "slimsr"]);
    for (const { files, size } of packed) {
      const paths = files.map(({ path }) => path);
      expect(paths).toEqual(
        expect.arrayContaining(["LICENSE", "README.md", "package.json", "dist/index.js", "dist/index.d.ts"]),
      );
      expect(paths.filter((path) => /\.(tsbuildinfo|map|tsx?)$/.test(path) && !path.endsWith(".d.ts"))).toEqual([]);
      expect(size).toBeLessThan(12e6);
    }
  });

  it("hold the command line once, as a bundle, with the licences of what is in it", () => {
    const paths = packed.find(({ name }) => name === "slimsr")?.files.map(({ path }) => path) ?? [];
    expect(paths).toEqual(expect.arrayContaining(["bin/slimsr.js", "bundle/main.js", "bundle/LICENSES.txt"]));
    expect(paths.filter((path) => path.startsWith("dist/cli/"))).toEqual([]);
    const notices = readFileSync(join(ROOT, "packages/slimsr/bundle/LICENSES.txt"), "utf8");
    for (const name of ["commander", "ml-matrix", "zod"]) {
      expect(notices).toMatch(new RegExp(`^${name} [\\d.]+, MIT\\n[^]*?Permission is hereby granted`, "m"));
    }
  });

  it("bring no engine, no image codec, no charts and no command line", () => {
    const names = installed();
    expect(names).toEqual(expect.arrayContaining(["@slimsr/core", "@slimsr/upscaler"]));
    expect(names.filter((name) => /^(onnxruntime|sharp|@img|echarts|commander|slimsr)/.test(name))).toEqual([]);
  });

  it("say what is missing", async () => {
    const said = await runModule(`
      import { Upscaler } from "@slimsr/upscaler";
      await Upscaler.load("photo-x2").catch(({ name, message }) => console.log(name, message));
    `);
    expect(said).toMatch(/^DeviceError .*npm install --ignore-scripts onnxruntime-node/);
  });

  it("write a graph and read it", async () => {
    const names = await runModule(`
      import { decodeOnnx, encodeOnnx, Graph } from "@slimsr/core/onnx";
      const graph = new Graph("identity");
      graph.output("y", graph.input("x", [1, 3]));
      console.log(decodeOnnx(encodeOnnx(graph)).graph.nodes.map(({ operator }) => operator).join());
    `);
    expect(names).toBe("Identity\n");
  });

  it("make a bundle of the codec of less than 35,000 bytes, for browsers", async () => {
    const contents = 'export { decodeOnnx, encodeOnnx } from "@slimsr/core/onnx";';
    const { outputFiles } = await build({
      ...{ stdin: { contents, resolveDir: folder }, bundle: true, minify: true, write: false },
      ...{ format: "esm", platform: "browser" },
    });
    expect(outputFiles[0]?.contents.length).toBeLessThan(35_000);
  });

  it("run as the command line, with slimsr beside them", async () => {
    await project.install(["@slimsr/core", "@slimsr/upscaler", "slimsr"]);
    const bin = join(folder, "node_modules/.bin/slimsr");
    expect((await execute(bin, ["--help"])).stdout).toMatch(/^Usage: slimsr .*Commands:.* inspect .* ablate /s);
    expect((await execute(bin, ["--version"])).stdout).toBe(`${manifestOf("slimsr").version}\n`);
    const checkpoint = join(ROOT, "test/fixtures/checkpoints/edsr_x4.pt");
    expect((await execute(bin, ["inspect", checkpoint])).stdout).toMatch(/EDSR ×4/);
  });

  it("install where npm's registry alone is reachable, and say how to get the engine there", {
    timeout: 300_000,
  }, async () => {
    const [home, elsewhere] = [mkdtempSync(`${folder}-home-`), mkdtempSync(`${folder}-project-`)];
    onTestFinished(() => {
      for (const each of [home, elsewhere]) rmSync(each, { recursive: true, force: true });
    });
    // Where the engine's install script looks for CUDA's files there is nobody.
    const env = { PATH: process.env.PATH, HOME: home, GLOBAL_AGENT_HTTPS_PROXY: "http://127.0.0.1:9" };
    const inProject = (program: string, args: readonly string[]) => execute(program, args, { cwd: elsewhere, env });
    await inProject("npm", ["install", ...packed.map(({ filename }) => join(folder, filename))]);
    const slim = ["slimsr", "slim", "--teacher", join(ROOT, "test/fixtures/checkpoints/edsr_x4.pt")];
    const halved = [...slim, "--width", "0.5", "--below-bicubic", "--calibration-patches", "1", "--out", "half"];
    const { stderr } = await inProject("npx", halved).catch((error: { stderr: string }) => error);
    expect(stderr).toMatch(/^slimsr: (EDSR: )?ONNX Runtime isn't installed: /m);
    expect(stderr).not.toMatch(/^\s+at /m);
    const [, ...fix] = (/npm install [\w -]+node/.exec(stderr)?.[0] ?? "").split(" ");
    await inProject("npm", fix);
    await inProject("npx", halved);
    expect(existsSync(join(elsewhere, "half.onnx"))).toBe(true);
  });
});
