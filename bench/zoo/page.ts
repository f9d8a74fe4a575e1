import { readFile } from "node:fs/promises";
import { UsageError } from "../../packages/core/src/errors.js";
import { writeAtomic } from "../../packages/slimsr/src/files/atomic.js";

const [BEGIN, END] = ["<!-- npm run zoo -->", "<!-- end -->"];

/** Puts text between the markers of a Markdown page. @throws UsageError where it has none */
export async function replacePart(file: string, text: string): Promise<void> {
  const page = await readFile(file, "utf8").catch((error: Error) => {
    throw new UsageError(`--markdown ${file} can't be read: ${error.message}`);
  });
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new UsageError(`${file} has no lines ${BEGIN} and ${END}: the table goes between them`);
  await writeAtomic(file, `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n${page.slice(end)}`);
}
