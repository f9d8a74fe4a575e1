import type { NetworkRecord } from "./record.js";

/** The width at which students are compared with the network's first channels as they lie. */
export const SLICED_WIDTH = 0.5;

/** What records call a student that is made without training. */
export const slimmedLabel = (width: number): string => `width ${width}`;

export const SLICED_LABEL = `first channels, width ${SLICED_WIDTH}`;

/** What records call one that is trained. */
export const trainedLabel = (width: number, steps: number): string => `${slimmedLabel(width)}, ${steps} steps`;

/** Which students are made. */
export interface Students {
  /** Of those that are made without training. */
  readonly widths: readonly number[];
  /** Of those that are trained. */
  readonly trainWidths: readonly number[];
  readonly steps: number;
}

/** A record with these students alone. */
export function withStudents<R extends Pick<NetworkRecord, "slimmed" | "trained">>(record: R, students: Students): R {
  const { widths, trainWidths, steps } = students;
  const only = <T>(made: Readonly<Record<string, T>>, labels: readonly string[]): Record<string, T> =>
    Object.fromEntries(Object.entries(made).filter(([label]) => labels.includes(label)));
  return {
    ...record,
    slimmed: only(record.slimmed, [...widths.map(slimmedLabel), SLICED_LABEL]),
    trained: only(
      record.trained,
      trainWidths.map((width) => trainedLabel(width, steps)),
    ),
  };
}
