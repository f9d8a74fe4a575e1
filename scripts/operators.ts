/** Writes docs/operators.md: npm run operators */
import { fileURLToPath } from "node:url";
import { writeAtomic } from "../packages/slimsr/src/files/atomic.js";
import { operatorsPage } from "./operators-page.js";

await writeAtomic(fileURLToPath(new URL("../docs/operators.md", import.meta.url)), operatorsPage());
