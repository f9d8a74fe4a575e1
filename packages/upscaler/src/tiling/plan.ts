import type { Deployment, DeploymentCost } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { sideFrom } from "@slimsr/core/internal/model/descriptor.js";
import { leastCommonMultiple } from "@slimsr/core/internal/model/reach.js";
import { planTiles, type Tile, type TileLimit, tilesOfSize } from "./tiles.js";

export interface Plan {
  readonly tiles: readonly Tile[];
  readonly deviation?: Deviation;
  /** What the tiles take of the whole image, where they do: they come out as within it, once that is known. */
  readonly pooling?: Pooling;
}

export interface Pooling {
  /** Means of all poolings, together. */
  readonly channels: number;
  /** Poolings that lie behind one another. */
  readonly depth: number;
}

/** Tiles of a network that looks at the whole image, or an image that was enlarged to a size that a model takes. */
export type Deviation = "tiled" | "padded";

/** Bytes of activations at once, at most, where tiles don't change the result. */
export const DEFAULT_MEMORY = 2 ** 30;
/** For each output pixel, where the cost isn't known: four layers of 256 channels in float32, as the largest networks have. */
const ASSUMED_BYTES = 4 * 256 * 4;
/** Rows of tiles are put together into bands as wide as the image; what these may take of the memory, beside a tile's activations. */
const SHARE_OF_BANDS = 1 / 2;
/** Of a band's pixel, read or enlarged: three samples, in three places at once. */
const BAND_BYTES = 3 * 3;
/** Of a tile's pixel, beside the activations: three samples in single precision, as they are handed over and as they are worked on. */
const TILE_BYTES = 3 * 4 * 2;
/** Around tiles of a network that has no finite receptive field, or a larger one than its fixed size has room for. */
const APPROXIMATE_OVERLAP = 32;
/** Where tiles of a network begin of which it isn't known how it moves pixels: it may fold 2×2 to 8×8 of them into one. */
const ASSUMED_PERIOD = 8;

/** Memory that a run takes for each input pixel, at most where the network's cost isn't known. */
export const bytesPerPixel = ({ cost, scale }: Pick<Deployment, "cost" | "scale">): number =>
  cost?.bytesPerPixel ?? ASSUMED_BYTES * Math.max(2, scale) ** 2;

/** What tiles follow from. */
type Network = Pick<Deployment, "cost" | "partwise" | "scale" | "size">;

/**
 * The tiles that an image is computed in, row by row, and why they yield something else than the whole image would, if they do.
 * @param memory bytes of a tile, and twice those of a row of tiles
 */
export function planOf(image: Size, network: Network, memory: number): Plan {
  const { partwise, cost, scale } = network;
  const enlarged = 1 + scale ** 2;
  const rows = (SHARE_OF_BANDS * memory) / (BAND_BYTES * enlarged * image.width);
  const within = (pixelBytes: number): TileLimit => ({ pixels: memory / (pixelBytes + TILE_BYTES * enlarged), rows });
  const limit = within(bytesPerPixel(network));
  if (!partwise || image.width * image.height <= limit.pixels) return planned(image, network.size, cost, limit);
  const { channels, depth } = partwise;
  const plan = planned(image, network.size, partwise, within(partwise.bytesPerPixel));
  return plan.tiles.length === 1 ? plan : { ...plan, pooling: { channels, depth } };
}

function planned(
  image: Size,
  size: Deployment["size"],
  reach: Pick<DeploymentCost, "radius" | "period"> | null,
  limit: TileLimit,
): Plan {
  const { fixed } = size;
  const radius = reach?.radius;
  const ownPeriod = reach?.period ?? 1;
  if (fixed) {
    const room = Math.max(0, Math.floor((Math.min(fixed.width, fixed.height) - 1) / 4) - (ownPeriod - 1));
    const overlap = Math.min(radius ?? APPROXIMATE_OVERLAP, room);
    return withDeviation(image, tilesOfSize(image, fixed, overlap, ownPeriod), overlap === radius);
  }
  const overlap = radius ?? APPROXIMATE_OVERLAP;
  const period = leastCommonMultiple(radius === undefined ? ASSUMED_PERIOD : ownPeriod, size.multipleOf);
  const tiles = planTiles(image, overlap, limit, period);
  const [{ input }] = tiles as [Tile];
  const window = nextSize(input, size);
  const isFitted = window.width === input.width && window.height === input.height;
  return withDeviation(image, isFitted ? tiles : tilesOfSize(image, window, overlap, period), radius !== undefined);
}

/** @param isExact whether the tiles have all around them that their outputs depend on */
function withDeviation({ width, height }: Size, tiles: readonly Tile[], isExact: boolean): Plan {
  const { input } = tiles.at(-1) as Tile;
  if (input.x + input.width > width || input.y + input.height > height) return { tiles, deviation: "padded" };
  return tiles.length === 1 || isExact ? { tiles } : { tiles, deviation: "tiled" };
}

/** The least size that a network takes and that an image of the given one fits into. */
export const nextSize = ({ width, height }: Size, rule: Deployment["size"]): Size => ({
  width: sideFrom(rule, width),
  height: sideFrom(rule, height),
});
