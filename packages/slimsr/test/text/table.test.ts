import { expect, it } from "vitest";
import { type Column, renderTable } from "../../src/text/table.js";

interface Row {
  readonly name: string;
  readonly value: number | null;
}

const columns: Column<Row>[] = [
  { title: "set=1", value: ({ name }) => name },
  { title: "PSNR", value: ({ value }) => value, show: (value) => `${value.toFixed(1)} ± 0.1` },
];

const cells = (names: readonly string[], format: "csv" | "markdown" | "latex"): string[] =>
  renderTable(
    columns,
    names.map((name) => ({ name, value: -1.25 })),
    format,
  ).split("\n");

it("CSV has nothing that a spreadsheet takes for a formula, and numbers as they are", () => {
  const formulas = ['=HYPERLINK("http://example.org","x")', "+1", "-1", "@SUM(1)", "\t=1", "\r=1"];
  expect(renderTable(columns, [{ name: formulas[0] as string, value: -1.25 }], "csv")).toBe(
    'set=1,PSNR\n"\'=HYPERLINK(""http://example.org"",""x"")",-1.25\n',
  );
  for (const name of formulas) {
    const text = renderTable(columns, [{ name, value: null }], "csv").slice("set=1,PSNR\n".length);
    expect(text.replace(/^"/, "")).toMatch(/^'/);
  }
  expect(cells(["a=1", "plain"], "csv").slice(1)).toEqual(["a=1,-1.25", "plain,-1.25", ""]);
  expect(renderTable([{ title: "=1", value: () => null }], [{}], "csv")).toBe("'=1\n\n");
});

it("Markdown has a line for each row, whatever is in it", () => {
  expect(cells(["two\nlines", "a|b\\c", "\r\n| x |"], "markdown")).toEqual([
    "| set=1 | PSNR |",
    "| --- | ---: |",
    "| two lines | -1.3 ± 0.1 |",
    "| a\\|b\\\\c | -1.3 ± 0.1 |",
    "|  \\| x \\| | -1.3 ± 0.1 |",
    "",
  ]);
  const title = renderTable([{ title: "a\n|b", value: () => 1 }], [{}], "markdown");
  expect(title).toBe("| a \\|b |\n| ---: |\n| 1 |\n");
});

it("LaTeX has every character that it takes for a command escaped", () => {
  expect(cells(["a_b & 50 % {x} \\input ~^#$", "two\n\nlines ×2"], "latex")).toEqual([
    "\\begin{tabular}{lr}",
    "\\hline",
    "set=1 & PSNR \\\\",
    "\\hline",
    "a\\_b \\& 50 \\% \\{x\\} \\textbackslash{}input \\textasciitilde{}\\textasciicircum{}\\#\\$ & -1.3 $\\pm$ 0.1 \\\\",
    "two lines $\\times$2 & -1.3 $\\pm$ 0.1 \\\\",
    "\\hline",
    "\\end{tabular}",
    "",
  ]);
});
