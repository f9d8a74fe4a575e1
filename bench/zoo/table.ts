import { operations } from "../../packages/slimsr/src/text/numbers.js";
import { type Column, renderTable, type TableFormat } from "../../packages/slimsr/src/text/table.js";
import { isDifferent, isOff, missedGoals, resultOf } from "./goals.js";
import { SLICED_LABEL, SLICED_WIDTH, type Students, slimmedLabel, trainedLabel } from "./labels.js";
import type { Measured, NetworkRecord } from "./record.js";
import { isOwnTruth } from "./sets.js";

type Cell = string | number | null;

const MISSED = "✗";

const column = (title: string, value: (record: NetworkRecord) => Cell, show?: (value: number) => string) =>
  ({ title, value, ...(show && { show }) }) satisfies Column<NetworkRecord>;

const decibels = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "∞");

/** The figure, or a mark where the work went wrong; empty where it wasn't done. */
const figure = (outcome: NetworkRecord["slimmed"][string] | undefined): Cell => {
  if (outcome && "error" in outcome) return MISSED;
  return resultOf<Measured>(outcome)?.psnr ?? null;
};

/** A network a row: what it is worth, its students on the first of its sets, what these cost, and which goals are missed. */
function columnsOf({ widths, trainWidths, steps }: Students): Column<NetworkRecord>[] {
  const whole = ({ evaluated }: NetworkRecord) => resultOf(evaluated)?.[0];
  const student = ({ trained }: NetworkRecord) =>
    resultOf(trained[trainedLabel(trainWidths[0] ?? SLICED_WIDTH, steps)]);
  const pair = (
    show: (value: number) => string,
    before: number | null | undefined,
    after: number | null | undefined,
  ) => (before == null ? null : `${show(before)}${after == null ? "" : ` → ${show(after)}`}`);
  return [
    column("network", ({ name }) => name),
    column("set", (record) => whole(record)?.set ?? null),
    column("input", (record) => whole(record)?.baseline ?? null, decibels),
    column(
      "whole",
      (record) => whole(record)?.psnr ?? null,
      (value) => (Number.isFinite(value) ? value.toFixed(3) : "∞"),
    ),
    column("known", ({ task, evaluated }) => {
      const rows = resultOf(evaluated);
      if (!rows) return evaluated && "error" in evaluated ? MISSED : null;
      if (rows.every(({ expected }) => expected === undefined)) return null;
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
    column("parameters", (each) =>
      pair((value) => `${(value / 1000).toFixed(1)} k`, whole(each)?.parameters, student(each)?.parameters),
    ),
    column("MACs", (each) => pair(operations, whole(each)?.macs, student(each)?.macs)),
    column("ms/image", (each) =>
      pair((value) => value.toFixed(0), student(each)?.whole ?? whole(each)?.ms, student(each)?.ms),
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
  const { pins = [] } = resultOf(record.described) ?? {};
  return [
    ...missedGoals(record).map((goal) => `${MISSED} ${goal}`),
    ...(isOwnTruth(record.task) ? ["PSNR is to what the whole network makes of clear images"] : []),
    ...pins.map(({ channels, reason }) => `${channels} channels stay: ${reason}`),
  ];
}
