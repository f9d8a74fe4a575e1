import type { Provenance } from "@slimsr/core/internal/checkpoints/checkpoint.js";
import { OVERRIDES } from "@slimsr/core/internal/checkpoints/overrides.js";
import { architectureOf, type Fact, type NetworkOptions } from "@slimsr/core/internal/networks/index.js";
import { flagOf } from "../text/expectation.js";

/** A network's options beside its size, in words, those among them that files may leave unsaid. */
export const factsOf = (network: NetworkOptions): Fact[] => [
  ...architectureOf(network).facts(network),
  ...("mean" in network
    ? [["mean", `${network.mean.map((value) => value.toFixed(2)).join(", ")} of 255`, "mean"] as const]
    : []),
  ["range", `0..${network.range}`, "range"],
];

/**
 * What a checkpoint didn't say outright, line by line: that its averaged weights were taken, and which options are assumed.
 * @param isAsked whether the command at hand takes options that say others
 */
export function provenanceNotes(
  network: NetworkOptions,
  { source, within, averaged, assumed }: Provenance,
  isAsked = true,
): string[] {
  const guessed = factsOf(network).flatMap(([label, value, option = ""]) =>
    assumed.includes(option) ? [{ label, value, option }] : [],
  );
  return [
    ...(averaged ? [`The weights are the averaged ones, of ${within}`] : []),
    ...guessed.map(({ label, value, option }) => {
      const other = isAsked && option in OVERRIDES ? `; ${flagOf(option)} says another` : "";
      return `The file doesn't hold the ${label}: ${value} is assumed, as ${source}'s code has it${other}`;
    }),
  ];
}
