import { inLine } from "./visible.js";

export const TABLE_FORMATS = ["text", "markdown", "csv", "latex"] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

export interface Column<Row> {
  readonly title: string;
  /** Null leaves the cell empty. */
  readonly value: (row: Row) => string | number | null;
  /** How people read a number; CSV has it in full. */
  readonly show?: (value: number, row: Row) => string;
}

/** A table as text in columns, Markdown, CSV (RFC 4180) or LaTeX. Numbers are set to the right. Ends in a line break. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], format: TableFormat): string {
  const titles = columns.map(({ title }) => title);
  if (format === "csv") {
    const lines = rows.map((row) => columns.map(({ value }) => csvCell(value(row))));
    return [titles.map(csvCell), ...lines].map((cells) => `${cells.join(",")}\n`).join("");
  }
  const lines = rows.map((row) =>
    columns.map(({ value, show = String }) => {
      const cell = value(row);
      return cell === null ? "–" : typeof cell === "number" ? show(cell, row) : cell;
    }),
  );
  const numeric = columns.map(({ value }) => rows.some((row) => typeof value(row) === "number"));
  if (format === "markdown") return markdown(titles, lines, numeric);
  if (format === "latex") return latex(titles, lines, numeric);
  return aligned([titles, ...lines], (column) => numeric[column] ?? false)
    .map((line) => `${line}\n`)
    .join("");
}

/** Lines of columns that are as wide as their widest cell, set to the left or to the right; cells are cut and made visible. */
export function aligned(raw: readonly (readonly string[])[], right: (column: number) => boolean): string[] {
  const rows = raw.map((cells) => cells.map((cell) => inLine(cell)));
  const widths = (rows[0] ?? []).map((_, i) => rows.reduce((most, cells) => Math.max(most, cells[i]?.length ?? 0), 0));
  const padded = (cell: string, i: number) => (right(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0));
  return rows.map((cells) => cells.map(padded).join("  ").trimEnd());
}

function markdown(
  titles: readonly string[],
  lines: readonly (readonly string[])[],
  numeric: readonly boolean[],
): string {
  const rule = titles.map((_, i) => (numeric[i] ? "---:" : "---"));
  const escaped = [titles, rule, ...lines].map((cells) =>
    cells.map((cell) => cell.replace(/[|\\]/g, "\\$&").replace(/\s*[\r\n]\s*/g, " ")),
  );
  return escaped.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

/** For any document: a tabular without packages. */
function latex(titles: readonly string[], lines: readonly (readonly string[])[], numeric: readonly boolean[]): string {
  const [head, ...body] = [titles, ...lines].map((cells) => `${cells.map(latexText).join(" & ")} \\\\\n`);
  const columns = numeric.map((right) => (right ? "r" : "l")).join("");
  return `\\begin{tabular}{${columns}}\n\\hline\n${head}\\hline\n${body.join("")}\\hline\n\\end{tabular}\n`;
}

const LATEX: Readonly<Record<string, string>> = {
  ...{ "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" },
  ...{ "×": "$\\times$", "±": "$\\pm$", "−": "$-$", "·": "$\\cdot$", λ: "$\\lambda$", "–": "--", "→": "$\\to$" },
};

const latexText = (text: string): string =>
  text.replace(/\s+/g, " ").replace(/[\\~^&%$#_{}×±−·λ–→]/g, (character) => LATEX[character] ?? `\\${character}`);

/** Text that a spreadsheet would take for a formula has an apostrophe before it, which it doesn't show. */
function csvCell(value: string | number | null): string {
  const text = typeof value === "string" ? value.replace(/^[=+\-@\t\r]/, "'$&") : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
