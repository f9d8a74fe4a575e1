import { Upscaler } from "@slimsr/upscaler";

/** The same picture everywhere, and what a model makes of it. */
export async function upscaled(options, model = "photo-x2") {
  const [width, height, channels] = [48, 32, 3];
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    return ((x >> 3) % 2 === (y >> 2) % 2 ? 170 : 60) + ((i * 7919) % 61);
  });
  const upscaler = await Upscaler.load(model, { quality: 0.25, device: "cpu", ...options });
  const image = await upscaler.upscale({ data, width, height, channels });
  await upscaler.dispose();
  return { width: image.width, height: image.height, data: [...image.data] };
}
