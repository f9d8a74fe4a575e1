import { elements } from "../../packages/core/src/graph/index.js";
import type { Vgg19Weights } from "../../packages/core/src/networks/index.js";

const CHANNELS = [3, 64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512];

/** VGG19 in its full size with random weights: times don't depend on their values. */
export function randomVgg19(): Vgg19Weights {
  const tensor = (shape: number[], deviation: number) => ({
    shape,
    data: new Float32Array(elements(shape)).map(() => (Math.random() - 0.5) * 3.46 * deviation),
  });
  const convolutions = CHANNELS.slice(1).map((filters, i) => {
    const inputs = CHANNELS[i] as number;
    return { weight: tensor([filters, inputs, 3, 3], Math.sqrt(2 / (9 * inputs))), bias: tensor([filters], 0.01) };
  });
  return { convolutions, mean: [0, 0, 0] };
}
