import type { ColourSpace } from "@slimsr/core/internal/images/colour.js";
import { flatAlpha, layersWith } from "../images/layers.js";
import { hasAlpha, type PixelSource } from "../images/pixels.js";
import { MeanOfParts, type Means, noMeans, type Part, settledMeans } from "../tiling/image-means.js";
import type { Pooling } from "../tiling/plan.js";
import type { Tile } from "../tiling/tiles.js";
import { TileReader } from "./bands.js";
import type { DeviceNetwork } from "./device-network.js";

/** What is to be computed, and how. */
export interface Pooled {
  readonly tiles: readonly Tile[];
  readonly pooling: Pooling;
  readonly colour: ColourSpace;
  readonly selfEnsemble: boolean;
  readonly signal: AbortSignal | undefined;
  /** Told of each pass over the tiles before it begins, and of each tile after it. */
  readonly onPass: () => void;
  readonly onTile: () => void;
}

/** A tile's core in the tile's own pixels. */
const coreOf = ({ input, core }: Tile): Part["core"] => ({ ...core, x: core.x - input.x, y: core.y - input.y });

/** The tile as a part of its image. */
export const partOf = (tile: Tile, means: Means): Part => ({ core: coreOf(tile), means });

/** For each layer of an image, its colours before its alpha, what the network takes of the whole of it. */
export async function meansOfLayers(network: DeviceNetwork, source: PixelSource, pooled: Pooled): Promise<Means[]> {
  const { tiles, pooling, colour, selfEnsemble, signal, onPass, onTile } = pooled;
  const alpha = await hasAlphaThatDiffers(source, tiles);
  const forms = selfEnsemble ? 8 : 1;

  /** All layers at once, as one list of means: the tiles are read once for all of them. */
  const pass = async (means: Means): Promise<Means> => {
    onPass();
    const reader = new TileReader(source);
    const sums: MeanOfParts[] = [];
    for (const tile of tiles) {
      const layers = layersWith(await reader.read(tile), colour, alpha);
      for (const [i, layer] of layers.entries()) {
        signal?.throwIfAborted();
        const own = means.slice(i * forms, (i + 1) * forms);
        const part = partOf(tile, own.length > 0 ? own : noMeans(forms, pooling.channels));
        const { pooled: found } = await network.upscale(layer, selfEnsemble, signal, part);
        sums[i] ??= new MeanOfParts();
        sums[i].add(found as Means, tile.core);
      }
      onTile();
    }
    return sums.flatMap((sum) => sum.result());
  };
  const means = await settledMeans([], pooling.depth, pass);
  return Array.from({ length: means.length / forms }, (_, i) => means.slice(i * forms, (i + 1) * forms));
}

async function hasAlphaThatDiffers(source: PixelSource, tiles: readonly Tile[]): Promise<boolean> {
  const reader = new TileReader(source);
  let first: number | undefined;
  for (const tile of tiles) {
    const pixels = await reader.read(tile);
    if (!hasAlpha(pixels)) return false;
    const alpha = flatAlpha(pixels);
    first ??= alpha;
    if (alpha === undefined || alpha !== first) return true;
  }
  return false;
}
