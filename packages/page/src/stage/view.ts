import type { Rectangle, Size } from "../messages/calls.js";

/** Where the enlarged image lies on the stage: its scale in CSS pixels for each of its own, and its top left corner. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** CSS pixels for a pixel of the image, at most. */
const MOST = 32;

/** The image as large as the stage allows, in its middle. */
export function fit(stage: Size, image: Size): View {
  const scale = Math.min(stage.width / image.width, stage.height / image.height);
  return centred(stage, image, scale);
}

/** The middle of the image in the middle of the stage. */
export const centred = (stage: Size, image: Size, scale: number): View => ({
  scale,
  x: (stage.width - image.width * scale) / 2,
  y: (stage.height - image.height * scale) / 2,
});

/** Scaled by a factor; what lies at the point stays there. The image doesn't become smaller than the stage allows. */
export function zoomed(view: View, factor: number, { x, y }: Point, stage: Size, image: Size): View {
  const least = Math.min(fit(stage, image).scale, 1);
  const scale = Math.min(MOST, Math.max(least, view.scale * factor));
  const ratio = scale / view.scale;
  return confined({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }, stage, image);
}

export const panned = (view: View, by: Point, stage: Size, image: Size): View =>
  confined({ ...view, x: view.x + by.x, y: view.y + by.y }, stage, image);

/** An image that is larger than the stage covers it; along a side on which it is smaller it is in the middle. */
export function confined(view: View, stage: Size, image: Size): View {
  const along = (start: number, room: number, length: number) =>
    length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, start));
  return {
    scale: view.scale,
    x: along(view.x, stage.width, image.width * view.scale),
    y: along(view.y, stage.height, image.height * view.scale),
  };
}

/** The part of the image that the stage shows, in the image's pixels. */
export function shown({ scale, x, y }: View, stage: Size, image: Size): Rectangle {
  const left = Math.max(0, -x / scale);
  const top = Math.max(0, -y / scale);
  return {
    x: left,
    y: top,
    width: Math.max(0, Math.min(image.width, (stage.width - x) / scale) - left),
    height: Math.max(0, Math.min(image.height, (stage.height - y) / scale) - top),
  };
}
