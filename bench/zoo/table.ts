import { operations } from "../../packages/slimsr/src/text/numbers.js";
import { type Column, renderTable, type TableFormat } from "../../packages/slimsr/src/text/table.js";
import { isDifferent, isOff, missedGoals, resultOf, skippedIn } from "./goals.js";
import { SLICED_LABEL, SLICED_WIDTH, slimmedLabel, trainedLabel } from "./labels.js";
import type { Measured, NetworkRecord } from "./record.js";

/** Which students the table has. */
export interface Students {
  readonly widths: readonly number[];
  readonly trainWidths: readonly number[];
  readonly steps: number;
}

type Cell = string | number | null;

const MISSED = "✗";
const NO = "–";

const column = (title: string, value: (record: NetworkRecord) => Cell, show?: (value: number) => string) =>
  ({ title, value, ...(show && { show }) }) satisfies Column<NetworkRecord>;

const decibels = (value: number): string => value.toFixed(2);

/** The figure, or a mark where the work went wrong; empty where it wasn't done. */
const figure = (outcome: NetworkRecord["slimmed"][string] | undefined): Cell => {
  if (outcome && "error" in outcome) return MISSED;
  return resultOf<Measured>(outcome)?.psnr ?? null;
};

/** A network a row: what it is worth, its students on the first of its sets, what these cost, and which goals are missed. */
function columnsOf({ widths, trainWidths, steps }: Students): Column<NetworkRecord>[] {
  const whole = ({ evaluated }: NetworkRecord) => resultOf(evaluated)?.[0];
  const student = ({ trained, slimmed }: NetworkRecord): Measured | undefined =>
    resultOf<Measured>(trained[trainedLabel(trainWidths[0] ?? SLICED_WIDTH, steps)]) ??
    resultOf<Measured>(slimmed[slimmedLabel(trainWidths[0] ?? SLICED_WIDTH)]);
  const pair =
    (show: (value: number) => string, of: (measured: Measured) => number | null) => (record: NetworkRecord) => {
      const [before, after] = [whole(record), student(record)].map((measured) => (measured && of(measured)) ?? null);
      return before == null ? null : `${show(before)} → ${after == null ? NO : show(after)}`;
    };
  return [
    column("network", ({ name }) => name),
    column("set", (record) => whole(record)?.set ?? null),
    column("input", (record) => whole(record)?.baseline ?? null, decibels),
    column(
      "whole",
      (record) => whole(record)?.psnr ?? null,
      (value) => value.toFixed(3),
    ),
    column("known", ({ task, evaluated }) => {
      const rows = resultOf(evaluated);
      if (!rows) return evaluated && "error" in evaluated ? MISSED : null;
      return rows.some(({ psnr, expected }) => isOff(task, psnr, expected)) ? `off ${MISSED}` : "same";
    }),
    column("PyTorch's output", ({ golden }) => {
      const differences = resultOf(golden)?.map(({ difference }) => difference);
      if (!differences) return golden ? MISSED : null;
      const most = Math.max(...differences);
      return `${most.toExponential(0)}${isDifferent(most) ? ` ${MISSED}` : ""}`;
    }),
    ...widths.map((width) => column(`slim ${width}`, ({ slimmed }) => figure(slimmed[slimmedLabel(width)]), decibels)),
    column(`first channels ${SLICED_WIDTH}`, ({ slimmed }) => figure(slimmed[SLICED_LABEL]), decibels),
    ...trainWidths.map((width) =>
      column(`trained ${width}`, ({ trained }) => figure(trained[trainedLabel(width, steps)]), decibels),
    ),
    column(
      "parameters",
      pair(
        (value) => `${(value / 1000).toFixed(1)} k`,
        ({ parameters }) => parameters,
      ),
    ),
    column(
      "MACs",
      pair(operations, ({ macs }) => macs),
    ),
    column(
      "ms/image",
      pair(
        (value) => value.toFixed(0),
        ({ ms }) => ms,
      ),
    ),
    column(
      "training s",
      ({ trained }) => {
        const seconds = trainWidths.map((width) => resultOf(trained[trainedLabel(width, steps)])?.seconds ?? 0);
        const sum = seconds.reduce((a, b) => a + b, 0);
        return sum > 0 ? sum : null;
      },
      (value) => value.toFixed(0),
    ),
    column(
      "pinned",
      ({ described }) => resultOf(described)?.pins.reduce((sum, { channels }) => sum + channels, 0) ?? null,
    ),
    column("goals", (record) => (missedGoals(record).length > 0 ? `${MISSED} ${missedGoals(record).length}` : "✓")),
  ];
}

const ORIGINS: readonly Column<NetworkRecord>[] = [
  column("network", ({ name }) => name),
  column("what it is", ({ architecture }) => architecture),
  column("from", ({ source }) => source),
  column("licence", ({ licence }) => licence),
];

/** The table, and below it what was missed, left out or kept; in Markdown also where the networks are from. */
export function renderNetworks(
  records: readonly NetworkRecord[],
  students: Students,
  format: TableFormat & ("text" | "markdown"),
): string {
  const bullet = format === "markdown" ? "- " : "  ";
  const remarks = records.flatMap((record) =>
    remarksOn(record).map((remark) => `${bullet}${record.name}: ${remark}\n`),
  );
  return [
    renderTable(columnsOf(students), records, format),
    ...(remarks.length > 0 ? ["\n", ...remarks] : []),
    ...(format === "markdown" ? ["\n", renderTable(ORIGINS, records, format)] : []),
  ].join("");
}

function remarksOn(record: NetworkRecord): string[] {
  const { notes = [], pins = [] } = resultOf(record.described) ?? {};
  return [
    ...missedGoals(record).map((goal) => `${MISSED} ${goal}`),
    ...skippedIn(record),
    ...notes,
    ...pins.map(({ channels, reason }) => `${channels} channels stay: ${reason}`),
  ];
}
