import { element } from "./elements.js";

/** Whatever way a file comes in: picked, dropped or pasted; and the camera and the sample. */
export interface Inputs {
  open(file: File): void;
  camera(): void;
  sample(): void;
}

export function inputControls({ open, camera, sample }: Inputs): void {
  const picker = element("file", HTMLInputElement);
  const menu = element("open-menu", HTMLElement);
  const pick = (id: string, act: () => void) =>
    element(id, HTMLButtonElement).addEventListener("click", () => {
      menu.hidePopover();
      act();
    });
  pick("open-file", () => picker.click());
  pick("open-camera", camera);
  pick("open-sample", sample);
  element("empty-file", HTMLButtonElement).addEventListener("click", () => picker.click());
  element("empty-sample", HTMLButtonElement).addEventListener("click", sample);
  picker.addEventListener("change", () => {
    const [file] = picker.files ?? [];
    if (file) open(file);
    picker.value = "";
  });

  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) document.body.classList.remove("dragging");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const [file] = event.dataTransfer?.files ?? [];
    if (file) open(file);
  });
  addEventListener("paste", ({ clipboardData }) => {
    const [file] = clipboardData?.files ?? [];
    if (file) open(file);
  });
}
