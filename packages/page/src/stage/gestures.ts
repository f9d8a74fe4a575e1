import type { Stage } from "./stage.js";
import type { Point } from "./view.js";

/** CSS pixels that a key moves the image by, and the factor that one scales it by. */
const [STEP, FACTOR] = [64, 1.25];

/** Wheel, drag, pinch, double click and keys move the image and scale it. */
export function followGestures(stage: Stage, canvas: HTMLCanvasElement): void {
  const pointers = new Map<number, Point>();
  const pointOf = ({ offsetX: x, offsetY: y }: MouseEvent): Point => ({ x, y });

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      // Wheels count lines where touchpads count pixels.
      const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 16 : event.deltaY;
      stage.zoom(Math.exp(-pixels / (event.ctrlKey ? 100 : 500)), pointOf(event));
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = pointOf(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (!other) {
      stage.pan({ x: now.x - before.x, y: now.y - before.y });
      return;
    }
    const middle = (point: Point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    const distance = (point: Point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const [from, to] = [middle(before), middle(now)];
    stage.pan({ x: to.x - from.x, y: to.y - from.y });
    stage.zoom(distance(now) / distance(before), to);
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    canvas.addEventListener(end, ({ pointerId }) => pointers.delete(pointerId));
  }
  canvas.addEventListener("dblclick", (event) => {
    if (stage.scale * devicePixelRatio >= 1.99) stage.fit();
    else stage.zoom(2 / devicePixelRatio / stage.scale, pointOf(event));
  });
  const keys: Readonly<Record<string, () => void>> = {
    "+": () => stage.zoom(FACTOR),
    "=": () => stage.zoom(FACTOR),
    "-": () => stage.zoom(1 / FACTOR),
    "0": () => stage.fit(),
    "1": () => stage.actualSize(),
    ArrowLeft: () => stage.pan({ x: STEP, y: 0 }),
    ArrowRight: () => stage.pan({ x: -STEP, y: 0 }),
    ArrowUp: () => stage.pan({ x: 0, y: STEP }),
    ArrowDown: () => stage.pan({ x: 0, y: -STEP }),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
