import type { Stage } from "./stage.js";

/** Share of the stage that a key moves the divider by. */
const STEP = 0.02;
/** Milliseconds in which the divider comes in, once: it shows that there are two pictures. */
const ENTRANCE = 900;

/** The handle between both pictures: by pointer, and by keys as every slider. */
export class Divider {
  #hasEntered = false;

  constructor(
    private readonly stage: Stage,
    private readonly handle: HTMLElement,
  ) {
    let grabbed: number | undefined;
    handle.addEventListener("pointerdown", (event) => {
      this.#hasEntered = true;
      handle.setPointerCapture(event.pointerId);
      grabbed = event.clientX - stage.divider * stage.size.width;
    });
    handle.addEventListener("pointermove", ({ clientX }) => {
      if (grabbed !== undefined) stage.divider = (clientX - grabbed) / stage.size.width;
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      handle.addEventListener(end, () => {
        grabbed = undefined;
      });
    }
    handle.addEventListener("keydown", (event) => {
      const to = this.#byKey(event.key);
      if (to === undefined) return;
      event.preventDefault();
      this.#hasEntered = true;
      stage.divider = to;
    });
    stage.follow(() => this.#render());
  }

  /** Moves in from the right, the first time that there is a result. */
  enter(): void {
    if (this.#hasEntered) return;
    this.#hasEntered = true;
    const end = 0.5;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const start = performance.now();
    const move = (now: number) => {
      const share = Math.min(1, (now - start) / ENTRANCE);
      this.stage.divider = 1 - (1 - end) * (1 - (1 - share) ** 3);
      if (share < 1) requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  #byKey(key: string): number | undefined {
    const at = this.stage.divider;
    switch (key) {
      case "ArrowLeft":
      case "ArrowDown":
        return at - STEP;
      case "ArrowRight":
      case "ArrowUp":
        return at + STEP;
      case "PageDown":
        return at - 5 * STEP;
      case "PageUp":
        return at + 5 * STEP;
      case "Home":
        return 0;
      case "End":
        return 1;
      default:
        return undefined;
    }
  }

  #render(): void {
    const { divider, place, size } = this.stage;
    this.handle.hidden = !place;
    const percent = Math.round(100 * divider);
    this.handle.style.left = `${divider * size.width}px`;
    this.handle.setAttribute("aria-valuenow", String(percent));
    this.handle.setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
  }
}
