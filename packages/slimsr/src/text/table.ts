import { inLine } from "./visible.js";

export const TABLE_FORMATS = ["text", "markdown", "csv"] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

export interface Column<Row> {
  readonly title: string;
  /** Null leaves the cell empty. */
  readonly value: (row: Row) => string | number | null;
  /** How people read a number; CSV has it in full. */
  readonly show?: (value: number) => string;
}

/** A table as text in columns, Markdown or CSV (RFC 4180). Numbers are set to the right. Ends in a line break. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], format: TableFormat): string {
  const titles = columns.map(({ title }) => title);
  if (format === "csv") {
    const lines = rows.map((row) => columns.map(({ value }) => String(value(row) ?? "")));
    return [titles, ...lines].map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
  }
  const lines = rows.map((row) =>
    columns.map(({ value, show = String }) => {
      const cell = value(row);
      return cell === null ? "–" : typeof cell === "number" ? show(cell) : cell;
    }),
  );
  const numeric = columns.map(({ value }) => rows.some((row) => typeof value(row) === "number"));
  if (format === "markdown") return markdown(titles, lines, numeric);
  return aligned([titles, ...lines], (column) => numeric[column] ?? false)
    .map((line) => `${line}\n`)
    .join("");
}

/** Lines of columns that are as wide as their widest cell, set to the left or to the right; cells are cut and made visible. */
export function aligned(raw: readonly (readonly string[])[], right: (column: number) => boolean): string[] {
  const rows = raw.map((cells) => cells.map((cell) => inLine(cell)));
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  const padded = (cell: string, i: number) => (right(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0));
  return rows.map((cells) => cells.map(padded).join("  ").trimEnd());
}

function markdown(
  titles: readonly string[],
  lines: readonly (readonly string[])[],
  numeric: readonly boolean[],
): string {
  const rule = titles.map((_, i) => (numeric[i] ? "---:" : "---"));
  const escaped = lines.map((cells) => cells.map((cell) => cell.replace(/[|\\]/g, "\\$&")));
  return [titles, rule, ...escaped].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
