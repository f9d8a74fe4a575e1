import { decimals, shown } from "../text/numbers.js";
import { type Content, type Html, html } from "./html.js";
import type { CropComparison, CropTile } from "./run-page.js";

/** Each crop's tiles side by side, and any two of them under a slider. */
export function renderCrops(crops: readonly CropComparison[]): Content {
  return crops.map(
    (crop, at) => html`<article class="crop">
<h3>${crop.image} <small>${crop.width}×${crop.height} pixels</small></h3>
<div class="comparison">
${crop.tiles.length > 1 && renderSlider(crop, at)}
<div class="tiles">${crop.tiles.map((tile) => renderTile(tile, crop))}</div>
</div>
</article>`,
  );
}

const renderTile = ({ label, png, psnr }: CropTile, { image, width, height }: CropComparison): Html =>
  html`<figure><img src="data:image/png;base64,${Buffer.from(png).toString("base64")}" width="${width}" height="${height}" alt="${image}, ${label}">
<figcaption>${label}${psnr !== null && html` <span class="muted">${shown(psnr, decimals(2))} dB</span>`}</figcaption></figure>`;

/** Its images are set by the page's script, out of the tiles; without scripts it stays hidden. */
function renderSlider({ image, tiles, width, height }: CropComparison, at: number): Html {
  const choice = (side: "left" | "right", chosen: number) =>
    html`<label for="${side}-${at}">${side === "left" ? "Left" : "Right"}
<select id="${side}-${at}" class="${side}">${tiles.map(
      ({ label }, i) => html`<option value="${i}"${i === chosen && html` selected`}>${label}</option>`,
    )}</select></label>`;
  return html`<div class="slider" hidden>
<div class="choices">${choice("left", 0)}${choice("right", tiles.length - 1)}</div>
<div class="stage">
<img class="right" width="${width}" height="${height}" alt=""><img class="left" width="${width}" height="${height}" alt="">
<span class="divider" aria-hidden="true"></span>
<input type="range" min="0" max="100" value="50" aria-label="Share of the left picture, ${image}">
</div></div>`;
}
