import { SSIM_WINDOW } from "@slimsr/core/internal/metrics/ssim.js";
import type { Dataset } from "../datasets/dataset.js";
import { requireSound } from "../datasets/problems.js";

/**
 * The set without images of which too little is left within the border to be measured; they join the set's skipped ones.
 * @throws DatasetError naming such images, unless they are to be skipped and others are left
 */
export function measurable(set: Dataset, border: number, skipBad = false): Dataset {
  const side = SSIM_WINDOW + 2 * border;
  const isLarge = ({ decoded: { lr } }: Dataset["pairs"][number]): boolean =>
    Math.min(lr.width, lr.height) * set.scale >= side;
  const pairs = set.pairs.filter(isLarge);
  const small = set.pairs
    .filter((pair) => !isLarge(pair))
    .map(({ name, decoded: { lr } }) => ({
      file: name,
      reason:
        `${set.path}: ${name}: an image of ${lr.width * set.scale}×${lr.height * set.scale} pixels is too small to be measured; ` +
        `within a border of ${border}, SSIM needs ${side}×${side}`,
    }));
  requireSound(set.path, pairs.length, small, skipBad);
  return small.length === 0 ? set : { ...set, pairs, skipped: [...set.skipped, ...small] };
}
