import { type Graph, rewrite, type Value } from "../graph/index.js";
import { single } from "../operators/apply.js";
import { Reshape, transpose, Unsqueeze } from "../operators/index.js";
import { shuffleFactor } from "./subpixel.js";

/**
 * The same network of one image at a time (N = 1), of any height and width, whose pixel shuffles put columns together and then rows. ONNX Runtime
 * moves one axis among others in less than half of the time that its DepthToSpace takes.
 *
 *   [1, C·r², H, W] = [C·r, r, H, W] → [C·r, H, W, r] = [C, r, H, r·W] → [C, H, r, r·W] = [1, C, r·H, r·W]
 */
export const shuffleInSteps = (source: Graph): Graph =>
  rewrite(source, (target) => {
    /** Of a shape, 0 is as it is and −1 what is left. */
    const reshaped = (x: Value, shape: readonly number[]): Value => single(Reshape, [x, target.integers(shape)]);
    return (node, [x]) => {
      const r = shuffleFactor(node);
      if (r === undefined || !x || x.shape[0] !== 1) return undefined;
      const channels = (x.shape[1] as number) / r ** 2;
      const columns = transpose(reshaped(x, [channels * r, r, 0, 0]), [0, 2, 3, 1]);
      const apart = single(Unsqueeze, [columns, target.integers([1])]);
      const rows = transpose(reshaped(apart, [channels, r, 0, -1]), [0, 2, 1, 3]);
      return [reshaped(rows, [1, channels, -1, 0])];
    };
  });
