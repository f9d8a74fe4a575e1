/**
 * Measurements: npm run bench -- NAME [ARGUMENTS]. Each name is a file beside this one; its first comment says what it measures.
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const names = readdirSync(here)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length));

const [name] = process.argv.splice(2, 1);
if (name && names.includes(name) && existsSync(`${here}${name}.ts`)) {
  await import(`./${name}.ts`);
} else {
  console.error(`usage: npm run bench -- NAME\nnames: ${names.join(", ")}`);
  process.exitCode = 2;
}
