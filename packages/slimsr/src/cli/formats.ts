import { type Command, Option } from "commander";
import type { TableFormat } from "../text/table.js";

/** How a command prints its table; as text where none is given. */
export interface FormatOptions {
  json?: true;
  csv?: true;
  markdown?: true;
  latex?: true;
}

const FORMATS = { json: "JSON", csv: "CSV", markdown: "a Markdown table", latex: "a LaTeX table" } as const;

/** Adds --json, --csv, --markdown and --latex, one of which can be given. */
export function addFormatOptions(command: Command): Command {
  const names = Object.keys(FORMATS) as (keyof typeof FORMATS)[];
  for (const name of names) {
    const option = new Option(`--${name}`, `print ${FORMATS[name]}`);
    command.addOption(option.conflicts(names.filter((other) => other !== name)));
  }
  return command;
}

export const tableFormat = ({ csv, markdown, latex }: FormatOptions): TableFormat =>
  csv ? "csv" : markdown ? "markdown" : latex ? "latex" : "text";
