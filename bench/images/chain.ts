/** One file enlarged by 2, pixel by pixel, through the planes of a network of RGB. Arguments: input, output. Prints seconds and MiB at most. */
import { layersOf, pixelsOf } from "../../packages/upscaler/src/images/layers.js";
import type { PixelSource } from "../../packages/upscaler/src/images/pixels.js";
import { channelsOf, emptyPlanes, type Planes } from "../../packages/upscaler/src/images/planes.js";
import { imageSink } from "../../packages/upscaler/src/node/image-sink.js";
import { openImage } from "../../packages/upscaler/src/node/open-image.js";

const SCALE = 2;
const BAND = 128;

function nearest(planes: Planes): Planes {
  const { width, height, data } = planes;
  const channels = channelsOf(planes);
  const enlarged = emptyPlanes({ width: width * SCALE, height: height * SCALE }, channels);
  const row = width * SCALE;
  for (let line = 0; line < channels * height; line++) {
    const to = line * SCALE * row;
    for (let x = 0; x < row; x++) enlarged.data[to + x] = data[line * width + (x >> 1)] as number;
    enlarged.data.copyWithin(to + row, to, to + row);
  }
  return enlarged;
}

const [input, output] = process.argv.slice(2) as [string, string];
const start = performance.now();
const { frames, metadata, close } = await openImage(input);
const [image] = frames as [PixelSource];
const { icc, exif, density } = metadata;
const { width, height, channels, depth } = image;
const layout = { width: width * SCALE, height: height * SCALE, channels, depth };
const sink = await imageSink(output, layout, { icc, exif, density });
for (let top = 0; top < height; top += BAND) {
  const band = await image.read(top, Math.min(BAND, height - top));
  await sink.write(pixelsOf(layersOf(band, "rgb").map(nearest), band, "rgb", SCALE));
}
await sink.end();
await close();
const { user, system } = process.cpuUsage();
const figures = {
  seconds: (performance.now() - start) / 1e3,
  cpuSeconds: (user + system) / 1e6,
  mebibytes: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(figures));
