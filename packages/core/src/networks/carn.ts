import type { Value } from "../graph/index.js";
import { relu } from "../operators/index.js";
import { aroundMean, type Layers } from "./layers.js";
import type { CarnOptions } from "./options.js";

const UNITS = 3;

/** CARN (Ahn et al., Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network, ECCV 2018). */
export function carn(options: CarnOptions, layers: Layers, lr: Value): Value {
  const { features, scale, variant } = options;
  const activation = variant === "original" ? relu : (x: Value) => x;
  const residual = (name: string) => (x: Value) => activation(layers.residualBlock(name, x, features, 1));
  const units = <T>(unit: (i: number) => T) => Array.from({ length: UNITS }, (_, i) => unit(i));
  const block = (name: string) => (x: Value) =>
    layers.cascade(
      name,
      x,
      features,
      units((j) => residual(`${name}.units.${j}`)),
    );
  return aroundMean(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    const body = layers.cascade(
      "body",
      head,
      features,
      units((i) => block(`body.units.${i}`)),
    );
    return layers.conv("tail", layers.upsampler("upsampler", body, features, scale, activation), features, 3);
  });
}
