import type { Rectangle } from "../messages/calls.js";
import type { Stage } from "./stage.js";

/** Milliseconds for which a tile that has come is framed. */
const FRAMED = 600;

/** Shows where the network has just been. */
export function markTile(stage: Stage, mark: HTMLElement, { x, y, width, height }: Rectangle): void {
  const { place, scale } = stage;
  if (!place) return;
  mark.style.left = `${place.x + x * scale}px`;
  mark.style.top = `${place.y + y * scale}px`;
  mark.style.width = `${width * scale}px`;
  mark.style.height = `${height * scale}px`;
  mark.animate([{ opacity: 0.9 }, { opacity: 0 }], FRAMED);
}
