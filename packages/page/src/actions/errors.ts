import { WorkerError } from "../client/worker-client.js";
import { PageError } from "../messages/page-error.js";

/** What a visitor is told of what went wrong; what nobody could expect is shown with its kind. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return capitalised(String(error));
  const isKnown =
    error instanceof WorkerError && /^(Image|Checkpoint|Onnx|Network|Device|Usage)Error$/.test(error.name);
  const text = isKnown || error instanceof PageError ? error.message : `${error.name}: ${error.message}`;
  return capitalised(text);
}

const capitalised = (text: string): string => text.replace(/^./, (letter) => letter.toUpperCase());

export const isAbort = (error: unknown): boolean => (error as { name?: string } | undefined)?.name === "AbortError";
