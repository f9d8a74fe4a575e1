import { SLICED_LABEL, SLICED_WIDTH, slimmedLabel } from "./labels.js";
import type { NetworkRecord, Outcome } from "./record.js";

/** dB that a measured PSNR may be off what is known; noise is drawn anew where there is any. */
const PSNR_TOLERANCE = { sr: 0.002, denoise: 0.05, dehaze: 0.002 } as const;
/** What outputs may differ by, as a share of the range. */
const OUTPUT_TOLERANCE = 1e-3;

/** Known figures have three decimals. */
const ROUNDING = 0.0005;

/** What went wrong with a network, or came out worse than it should: a sentence each. */
export function missedGoals(record: NetworkRecord): string[] {
  const { task, described, golden, evaluated, slimmed, trained } = record;
  const missed = [...errorOf("reading", described), ...errorOf("golden outputs", golden)];
  for (const { tensor, difference } of resultOf(golden) ?? []) {
    if (!(difference <= OUTPUT_TOLERANCE))
      missed.push(`${tensor} is off by ${difference.toExponential(1)} of the range`);
  }
  missed.push(...errorOf("evaluation", evaluated));
  for (const { set, psnr, expected } of resultOf(evaluated) ?? []) {
    if (isOff(task, psnr, expected)) missed.push(`${set}: ${psnr.toFixed(3)} dB, but ${expected} is known`);
  }
  for (const [label, outcome] of Object.entries(slimmed)) missed.push(...errorOf(label, outcome));
  const half = resultOf(slimmed[slimmedLabel(SLICED_WIDTH)]);
  const sliced = resultOf(slimmed[SLICED_LABEL]);
  if (half && sliced && !(half.psnr > sliced.psnr)) missed.push("slimmed no better than its first channels");
  for (const [label, outcome] of Object.entries(trained))
    missed.push(...errorOf(label, outcome), ...missedIn(record, label));
  return missed;
}

function missedIn({ slimmed, trained }: NetworkRecord, label: string): string[] {
  const made = resultOf(trained[label]);
  if (!made) return [];
  const { psnr, difference, sizes } = made;
  const start = resultOf(slimmed[label.replace(/,.*/, "")]);
  return [
    ...(start && psnr < start.psnr ? [`${label}: training made it worse`] : []),
    ...(difference <= OUTPUT_TOLERANCE ? [] : [`${label}: exported, it is off by ${difference.toExponential(1)}`]),
    ...sizes.flatMap(({ height, width, problem }) =>
      problem === undefined ? [] : [`${label} at ${width}×${height}: ${problem}`],
    ),
  ];
}

/** Whether a PSNR isn't what is known of the network. */
export const isOff = (task: NetworkRecord["task"], psnr: number, expected: number | undefined): boolean =>
  expected !== undefined && !(Math.abs(psnr - expected) <= PSNR_TOLERANCE[task] + ROUNDING);

export const isDifferent = (difference: number): boolean => !(difference <= OUTPUT_TOLERANCE);

/** What a piece of work yielded; undefined where it went wrong or wasn't done. */
export const resultOf = <T>(outcome: Outcome<T> | undefined): T | undefined =>
  outcome && "result" in outcome ? outcome.result : undefined;

function errorOf(what: string, outcome: Outcome | undefined): string[] {
  return outcome && "error" in outcome ? [`${what}: ${outcome.error.replace(/\s+/g, " ").slice(0, 400)}`] : [];
}
