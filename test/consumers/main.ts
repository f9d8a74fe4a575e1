/**
 * Installs the packed packages in an empty project, and compares what they make in Node 20, 22 and 24, Deno and Bun, imported and
 * required, with what they make in the Node that this runs in: of pixels by the model that ships, of a file by sharp, and by an ONNX file
 * of others, which has a process of its own. npm run consumers; runtimes come from npm's registry (300 MB). Ends with 1 where one differs.
 */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromJson } from "../../packages/slimsr/src/files/json.js";
import { renderTable } from "../../packages/slimsr/src/text/table.js";
import { scriptArguments } from "../support/arguments.js";
import { ROOT } from "../support/child.js";
import { packedProject } from "../support/packed.js";
import { installRuntimes, type Runtime } from "./runtimes.js";

type Results = Readonly<Record<"pixels" | "file" | "foreign", string>>;

interface Row {
  readonly runtime: string;
  readonly modules: string;
  readonly results: Results;
}

const PROGRAMS = {
  "main.js": 'import { everything } from "./everything.js"; console.log(JSON.stringify(await everything()));',
  "main.cjs": 'require("./everything.js").everything().then((results) => console.log(JSON.stringify(results)));',
};
const MODULES = { "main.js": "import", "main.cjs": "require" } as const;
const FIXTURES = {
  "test/consumers/program.js": "program.js",
  "test/consumers/everything.js": "everything.js",
  "test/fixtures/images/kodak-05.png": "picture.png",
  "test/fixtures/onnx/published/plainusr_u_x2.onnx": "network.onnx",
};

scriptArguments(import.meta.url, { options: {} });
const project = await packedProject();
try {
  await project.install(["@slimsr/core", "@slimsr/upscaler"], ["onnxruntime-node", "sharp"]);
  for (const [from, to] of Object.entries(FIXTURES)) await cp(join(ROOT, from), join(project.folder, to));
  for (const [name, source] of Object.entries(PROGRAMS)) await writeFile(join(project.folder, name), source);

  const run = async ({ command: [program, ...before] }: Runtime, file: string): Promise<Results> =>
    fromJson(await project.run(program, ...before, file)) as Results;
  const expected = await run({ name: "this", command: [process.execPath] }, "main.js");
  const rows: Row[] = [];
  for (const runtime of await installRuntimes(project)) {
    for (const [file, modules] of Object.entries(MODULES)) {
      const results = await run(runtime, file).catch(({ message }: Error) => ({
        ...{ pixels: message, file: message, foreign: message },
      }));
      rows.push({ runtime: runtime.name, modules, results });
    }
  }

  const same = (part: keyof Results) => ({
    title: part === "foreign" ? "ONNX of others" : part,
    value: ({ results }: Row) => (results[part] === expected[part] ? "same" : results[part]),
  });
  console.log(
    renderTable<Row>(
      [
        { title: "runtime", value: ({ runtime }) => runtime },
        { title: "modules", value: ({ modules }) => modules },
        ...[same("pixels"), same("file"), same("foreign")],
      ],
      rows,
      "text",
    ),
  );
  const differs = rows.some(({ results }) =>
    Object.entries(expected).some(([part, digest]) => results[part as keyof Results] !== digest),
  );
  const failed = Object.values(expected).filter((digest) => !/^[0-9a-f]{64}$/.test(digest));
  for (const message of failed) console.error(message);
  if (differs || failed.length > 0) process.exitCode = 1;
} finally {
  project.remove();
}
