import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { type Patches, somePatches } from "../calibration/batches.js";
import type { Exchange } from "../exchange/exchange.js";
import type { Stage } from "../stage.js";
import { type AlignedTeacher, batchFor, slimTeacher } from "./aligned-teacher.js";
import { fitWithstanding, type Withstanding } from "./extremes.js";
import { gaussNewton } from "./gauss-newton/gauss-newton.js";

/** Patches that channels are aligned on and convolutions refitted to where Gauss–Newton follows, at most: more make no better students then. */
const REFITTED_PATCHES = 48;

/** What a student is fitted to. */
export interface FittedTo {
  readonly patches: Patches;
  /** Where Gauss–Newton follows refitting, its iterations, and patches that nothing is fitted to. */
  readonly whole?: { readonly iterations: number; readonly unseen: Patches } | undefined;
}

export interface FittingHooks {
  readonly stage: Stage;
  readonly signal?: AbortSignal | undefined;
  /** Ranks that share the work out; this process alone where left out. */
  readonly exchange?: Exchange | undefined;
  /** Called with what is worth saying of the student. */
  readonly note: (text: string) => void;
}

/** Of the patches those that convolutions are refitted to. */
export const refittedTo = ({ patches, whole }: FittedTo): Patches =>
  whole ? somePatches(patches, 0, REFITTED_PATCHES) : patches;

/**
 * A student of an aligned teacher with so many channels of each group: its convolutions are refitted in closed form, moved all together where that is asked for, and fitted
 * again where extreme images lead it astray (`fitWithstanding`).
 * @param width what it is called
 * @throws NetworkError as `slimTeacher` and `gaussNewton`
 */
export function fittedStudent(
  aligned: AlignedTeacher,
  channels: readonly number[],
  width: number,
  { patches, whole }: FittedTo,
  { stage, signal, exchange, note }: FittingHooks,
): Promise<Withstanding> {
  const { model: teacher } = aligned;
  const drops = channelAnalysis(teacher).groups.some(({ size }, g) => (channels[g] as number) < size);
  const fit = async (fitted: Patches): Promise<Model> => {
    const refitted = await stage(`refit width ${width}`, "convolutions", (onProgress) =>
      slimTeacher(aligned, channels, refittedTo({ patches: fitted, whole }), true, {
        onProgress: (_, done, total) => onProgress(done, total),
        ...{ signal, exchange },
      }),
    );
    if (!whole || !drops) return refitted;
    const { iterations, unseen } = whole;
    const together = await stage(`fit width ${width} as a whole`, "iterations", (onIteration) =>
      gaussNewton(
        teacher,
        refitted,
        { patches: fitted, unseen },
        { iterations, batch: batchFor(teacher, fitted), onIteration, signal, exchange },
      ),
    );
    if (together === refitted) {
      note("Gauss–Newton made no images better that nothing is fitted to; it stays as it was refitted");
    }
    return together;
  };
  return fitWithstanding(fit, teacher, patches, note, exchange);
}
