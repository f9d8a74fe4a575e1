import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";

/** How large an image is to become: by one of these, or as much larger as the network makes it. */
export interface OutputSize {
  /** Output pixels for an input pixel along a side, such as 1.5; sides are rounded. */
  readonly scale?: number | undefined;
  /** Just this size; where its sides are in another proportion, the image is stretched. */
  readonly size?: Size | undefined;
  /** Pixels of the longer side; the other one keeps the proportion. */
  readonly longEdge?: number | undefined;
}

/** How an image gets its size: the network one time after another, then a reduction. */
export interface SizePlan {
  /** Times that the network runs. */
  readonly passes: number;
  /** What comes out. */
  readonly size: Size;
}

/** Pixels along a side that file formats and memory have room for. */
const MOST_SIDE = 1_000_000;
/** A network that is run on its own output adds little after this. */
const MOST_PASSES = 4;

/**
 * @param image what goes in @param network its scale
 * @throws UsageError for a size that is none, that more than one option gives, or that takes the network too often
 */
export function planSize(image: Size, network: number, output: OutputSize): SizePlan {
  const size = wantedSize(image, network, output);
  const factor = Math.max(size.width / image.width, size.height / image.height);
  const passes = network === 1 ? 1 : Math.max(1, Math.ceil(Math.log(factor) / Math.log(network) - 1e-9));
  if (network === 1 && factor > 1) {
    throw new UsageError(
      `the network restores images and leaves their size; it can't make ${show(image)} ${show(size)}`,
    );
  }
  if (passes > MOST_PASSES) {
    throw new UsageError(
      `${show(image)} would become ${show(size)}, ${passes} times ×${network}; a network is run ${MOST_PASSES} times on its own output at most`,
    );
  }
  return { passes, size };
}

const show = ({ width, height }: Size): string => `${width}×${height}`;

function wantedSize(image: Size, network: number, { scale, size, longEdge }: OutputSize): Size {
  const given = Object.entries({ scale, size, longEdge }).filter(([, value]) => value !== undefined);
  if (given.length > 1) {
    throw new UsageError(
      `${given.map(([name]) => name).join(" and ")} both say how large the image becomes; give one of them`,
    );
  }
  const factor = longEdge === undefined ? (scale ?? network) : longEdge / Math.max(image.width, image.height);
  const wanted = size ?? {
    width: Math.max(1, Math.round(image.width * factor)),
    height: Math.max(1, Math.round(image.height * factor)),
  };
  for (const side of [wanted.width, wanted.height]) {
    if (Number.isInteger(side) && side >= 1 && side <= MOST_SIDE) continue;
    throw new UsageError(
      `an image can't become ${wanted.width}×${wanted.height}: sides are whole numbers from 1 to ${MOST_SIDE}`,
    );
  }
  return wanted;
}
