import { rounded } from "./image.js";

/**
 * Planes one after another as the colours of pixels side by side; alpha stays as it is. Three planes are read at once: three times over
 * the samples takes three times as long.
 * @param planes 3 · area values in 0..255, red first, or area values of grey
 * @param channels of the pixels: 1 or 2 where the planes are grey, else 3 or 4
 * @param top what 255 becomes: samples are rounded half away from zero and clipped to 0..`top`; NaN becomes 0
 */
export function interleave(
  planes: Float32Array | Float64Array,
  samples: Uint8Array | Uint8ClampedArray | Uint16Array,
  channels: number,
  top: number,
): void {
  const unit = top / 255;
  const area = samples.length / channels;
  if (channels < 3) {
    for (let i = 0, at = 0; i < area; i++, at += channels) samples[at] = rounded((planes[i] as number) * unit, top);
    return;
  }
  for (let i = 0, at = 0; i < area; i++, at += channels) {
    samples[at] = rounded((planes[i] as number) * unit, top);
    samples[at + 1] = rounded((planes[i + area] as number) * unit, top);
    samples[at + 2] = rounded((planes[i + 2 * area] as number) * unit, top);
  }
}

/**
 * The inverse of `interleave`, of any samples.
 * @param white the sample that becomes 255
 * @param planes written from `offset` on
 */
export function deinterleave(
  samples: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array,
  channels: number,
  white: number,
  planes: Float32Array,
  offset = 0,
): void {
  const unit = white / 255;
  const area = samples.length / channels;
  if (channels < 3) {
    for (let i = 0, at = 0; i < area; i++, at += channels) planes[offset + i] = (samples[at] as number) / unit;
    return;
  }
  for (let i = offset, at = 0; at < samples.length; i++, at += channels) {
    planes[i] = (samples[at] as number) / unit;
    planes[i + area] = (samples[at + 1] as number) / unit;
    planes[i + 2 * area] = (samples[at + 2] as number) / unit;
  }
}
