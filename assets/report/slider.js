// Two pictures over each other: the left one is cut off at the slider's position.
for (const slider of document.querySelectorAll(".slider")) {
  const tiles = slider.parentElement.querySelectorAll(".tiles img");
  const stage = slider.querySelector(".stage");
  const range = slider.querySelector("input");
  const move = () => {
    stage.style.setProperty("--position", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} %`);
  };
  range.addEventListener("input", move);
  for (const side of ["left", "right"]) {
    const select = slider.querySelector(`select.${side}`);
    const picture = stage.querySelector(`img.${side}`);
    const choose = () => {
      const tile = tiles[select.selectedIndex];
      picture.src = tile.src;
      picture.alt = tile.alt;
    };
    select.addEventListener("change", choose);
    choose();
  }
  move();
  slider.hidden = false;
}
