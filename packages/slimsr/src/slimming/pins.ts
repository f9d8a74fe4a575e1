import { channelAnalysis, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { inLine } from "../text/visible.js";

/** Pins that are listed one by one. */
const LISTED = 4;

/** What keeps channels from being dropped, a line each; none where all can be. */
export function pinNotes(model: Model): string[] {
  const { pins } = channelAnalysis(model);
  const notes = pins
    .slice(0, LISTED)
    .map(({ channels, reason }) => `${nameOf(model)}: ${channels} channels are kept whole: ${inLine(reason)}`);
  const more = pins.length - LISTED;
  return more > 0 ? [...notes, `${nameOf(model)}: ${more} more nodes keep channels; slimsr inspect lists them`] : notes;
}
