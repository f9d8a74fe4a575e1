/** Puts the command line and the programs of its threads and processes into few files, which start in half the time of their 600 modules. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../", import.meta.url));
const outdir = `${root}packages/slimsr/bundle`;

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    "packages/slimsr/dist/cli/main.js",
    "packages/slimsr/dist/datasets/image-worker.js",
    "packages/slimsr/dist/datasets/patch-worker.js",
    "packages/upscaler/dist/node/session-process.js",
    "packages/upscaler/dist/node/session-worker.js",
  ],
  ...{ outdir, entryNames: "[name]", metafile: true, bundle: true, splitting: true, format: "esm" },
  ...{ platform: "node", target: "node20", keepNames: true },
  // What has native parts, threads of its own, or is loaded only where it is wanted.
  external: ["echarts", "fs-native-extensions", "koffi", "onnxruntime-node", "piscina", "sharp"],
  banner: {
    js: 'import { createRequire as requireOf } from "node:module";\nconst require = requireOf(import.meta.url);',
  },
});

// Whoever is handed the bundle is handed the licences of all that is in it.
const packages = Object.keys(metafile.inputs).flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []);
const notices = [...new Set(packages)].sort().map((path) => {
  const { name, version, license } = JSON.parse(readFileSync(`${root}${path}/package.json`, "utf8"));
  const file = readdirSync(`${root}${path}`).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file && !license.includes("Apache-2.0")) throw new Error(`${path}: no text of its licence, ${license}`);
  const text = file
    ? readFileSync(`${root}${path}/${file}`, "utf8").trim()
    : "Its text is that of LICENSE, of slimsr itself.";
  return `${name} ${version}, ${license}\n\n${text}\n`;
});
writeFileSync(`${outdir}/LICENSES.txt`, notices.join(`\n${"-".repeat(80)}\n\n`));

// Chunks of a build before go last, so that a command that is at work meanwhile finds what it loads next where nothing has changed.
const written = new Set(["LICENSES.txt", ...Object.keys(metafile.outputs).map((path) => basename(path))]);
for (const name of readdirSync(outdir)) if (!written.has(name)) rmSync(`${outdir}/${name}`);
