import { CurrentImage } from "./images.js";
import { measure } from "./measure.js";
import { CurrentNetwork } from "./networks.js";
import { partOf, pngOf } from "./parts.js";
import { serve } from "./serve.js";
import { upscale } from "./upscale.js";

/** All that takes time happens in this worker, and in those of the engine, which it starts. */
const images = new CurrentImage();
const networks = new CurrentNetwork();

const transferable = (value: unknown): Transferable[] => (value instanceof ImageBitmap ? [value] : []);

serve(
  {
    open: ({ image }) => images.open(image),
    load: async ({ network, quality, at }) => {
      const { info, engine } = await networks.get(network, quality, at);
      return { info, engine: engine() };
    },
    upscale: (request, context) => upscale(request, context, { images, networks }),
    part: (request) => partOf(request, images),
    work: async ({ network, quality, image, output }) => {
      const { upscaler } = await networks.get(network, quality, image);
      return upscaler.workOf(image, { quality, ...output });
    },
    png: (request, context) => pngOf(request, context, { images, networks }),
    measure: async (request, context) => {
      // It would measure two that share the processor, and hold the memory of both.
      await networks.release();
      return measure(request, context, images);
    },
    frame: async ({ network, quality, frame }) => {
      const { upscaler, engine } = await networks.get(network, quality, frame);
      const result = await upscaler.upscale(frame, { quality });
      return { frame, result, engine: engine() };
    },
  },
  (result) =>
    typeof result === "object" && result !== null
      ? [...transferable(result), ...Object.values(result).flatMap(transferable)]
      : [],
);
