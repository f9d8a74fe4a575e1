/**
 * Measurements: npm run bench -- NAME [ARGUMENTS]. Each name is a file beside this one; npm run bench -- NAME --help prints what it
 * measures, and its arguments.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const names = readdirSync(fileURLToPath(new URL(".", import.meta.url)))
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length));

const [name] = process.argv.splice(2, 1);
if (name !== undefined && names.includes(name)) {
  await import(`./${name}.ts`);
} else if (name === undefined || name === "--help") {
  process.stdout.write(
    `usage: npm run bench -- NAME [ARGUMENTS]\nnames: ${names.join(", ")}\nnpm run bench -- NAME --help says what it measures, and its arguments\n`,
  );
} else {
  process.stderr.write(`there is no measurement ${name}; --help names those that there are\n`);
  process.exitCode = 2;
}
