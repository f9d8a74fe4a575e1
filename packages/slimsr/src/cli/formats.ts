import { type Command, Option } from "commander";
import type { TableFormat } from "../text/table.js";

/** How a command prints its table; as text where none is given. */
export interface FormatOptions {
  json?: true;
  csv?: true;
  markdown?: true;
  latex?: true;
}

const TITLES = { json: "JSON", csv: "CSV", markdown: "a Markdown table", latex: "a LaTeX table" } as const;

export const FORMATS = Object.keys(TITLES) as (keyof typeof TITLES)[];

/** Adds --json, --csv, --markdown and --latex, one of which can be given. */
export function addFormatOptions(command: Command): Command {
  for (const name of FORMATS) {
    const option = new Option(`--${name}`, `print ${TITLES[name]}`);
    command.addOption(option.conflicts(FORMATS.filter((other) => other !== name)));
  }
  return command;
}

export const tableFormat = ({ csv, markdown, latex }: FormatOptions): TableFormat =>
  csv ? "csv" : markdown ? "markdown" : latex ? "latex" : "text";
