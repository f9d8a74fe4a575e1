import { InterruptedError } from "@slimsr/core/internal/errors.js";
import type { RunFolder } from "./folder.js";
import type { Settings } from "./settings.js";

/** Whether work ended because its signal aborted. */
export const isInterruption = (error: unknown): boolean =>
  error instanceof InterruptedError || (error instanceof Error && error.name === "AbortError");

/** What a run's user is told where it was interrupted, whatever it was at. */
export const interrupted = ({ path }: RunFolder, { steps }: Settings, step: number): InterruptedError =>
  new InterruptedError(
    `interrupted after step ${step} of ${steps}; all is saved. Go on with: slimsr compress --resume ${path}`,
  );
