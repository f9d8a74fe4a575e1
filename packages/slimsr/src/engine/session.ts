import type { Graph } from "@slimsr/core/internal/graph/index.js";
import type { Session, SessionOptions } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession as open } from "@slimsr/upscaler/internal/node/session.js";
import { removeAbandonedScratch, scratchFolder } from "../files/scratch.js";

/**
 * A session whose large model passes through this process' scratch folder, which outlives no crash for long.
 * @param beside an open session that never runs at the same time, whose thread it shares
 */
export async function createSession(
  source: Graph | Uint8Array,
  options: SessionOptions = {},
  beside?: Session,
): Promise<Session> {
  await removeAbandonedScratch();
  return open(source, options, { temporary: scratchFolder, beside });
}
