import { bytes } from "../text/numbers.js";
import { type Column, renderTable, type TableFormat } from "../text/table.js";
import type { AblationReport, AblationRow, AblationScore, Spread } from "./comparison-page.js";
import { apartIn } from "./differing-settings.js";

/** A line of the table: what methods are compared with has a name and scores alone. */
type Line = Pick<AblationRow, "scores" | "file"> & { readonly name: string; readonly row: AblationRow | null };

/** The comparison as a table of text: bicubic and the teacher first, then the methods. */
export function renderComparison({ references, rows }: AblationReport, format: TableFormat): string {
  const lines: Line[] = [
    ...references.map((reference) => ({ ...reference, name: reference.label, row: null })),
    ...rows.map((row) => ({ ...row, row })),
  ];
  return renderTable(columnsOf(lines, format), lines, format);
}

function columnsOf(lines: readonly Line[], format: TableFormat): Column<Line>[] {
  const sets = [...new Set(lines.flatMap(({ scores }) => scores.map(nameOf)))];
  const isQuantised = lines.some(({ file }) => file?.bits !== undefined);
  const score = (name: string) => (line: Line) => line.scores.find((each) => nameOf(each) === name);
  const measured = (title: string, digits: number, of: (line: Line) => Spread | null | undefined): Column<Line>[] => [
    {
      title,
      value: (line) => of(line)?.mean ?? null,
      show: (mean, line) => {
        const spread = of(line)?.spread ?? null;
        return spread === null ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${spread.toFixed(digits)}`;
      },
    },
    ...(format === "csv" ? [{ title: `${title} ±`, value: (line: Line) => of(line)?.spread ?? null }] : []),
  ];
  return [
    { title: "method", value: ({ name }) => name },
    { title: "width", value: ({ row }) => row?.width ?? null },
    { title: "steps", value: ({ row }) => row?.steps ?? null },
    { title: "seeds", value: ({ row }) => row?.seeds ?? null },
    ...sets.flatMap((name) => [
      ...measured(`${name} PSNR`, 3, (line) => score(name)(line)?.psnr),
      ...measured(`${name} SSIM`, 4, (line) => score(name)(line)?.ssim),
      ...(isQuantised
        ? [
            {
              title: `${name} ms`,
              value: (line: Line) => score(name)(line)?.milliseconds ?? null,
              show: (milliseconds: number) => milliseconds.toFixed(1),
            },
          ]
        : []),
    ]),
    ...(isQuantised
      ? [
          { title: "bits", value: ({ file }: Line) => file?.bits ?? null },
          { title: "file", value: ({ file }: Line) => file?.bytes ?? null, show: bytes },
        ]
      : []),
    ...measured("validation at start", 3, ({ row }) => row?.validation.start),
    ...measured("validation at best", 3, ({ row }) => row?.validation.best),
    { title: "s/step", value: ({ row }) => row?.secondsPerStep ?? null, show: (seconds) => seconds.toFixed(3) },
    { title: "teacher drift", value: ({ row }) => row?.teacherDrift ?? null, show: (drift) => drift.toFixed(3) },
    { title: "learns from", value: ({ row }) => row?.objective ?? null },
    ...(lines.some(({ row }) => row && apartIn(row))
      ? [{ title: "apart in", value: ({ row }: Line) => (row && apartIn(row)) || null }]
      : []),
  ];
}

const nameOf = ({ set, scale }: AblationScore): string => `${set} ×${scale}`;
