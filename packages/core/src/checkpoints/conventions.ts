import type { Architecture, Convention } from "../networks/architecture.js";
import { ARCHITECTURES, type NetworkOptions } from "../networks/registry.js";
import { type Indices, NameTemplate } from "./names.js";

/** Whose names a checkpoint's parameters have: one of `SOURCES`. */
export type Source = string;

/** Pairs of templates that stand for the same layers. */
type Names = readonly (readonly [from: NameTemplate, to: NameTemplate])[];

/** One source's names for one architecture. */
export interface Naming {
  readonly architecture: Architecture;
  readonly convention: Convention;
  /** Published to canonical, and back; undefined where published names are the canonical. */
  readonly parsed: Names | undefined;
  readonly published: Names | undefined;
}

export const NAMINGS: readonly Naming[] = ARCHITECTURES.flatMap((architecture) =>
  architecture.conventions.map((convention): Naming => {
    const names = convention.names && Object.entries(convention.names);
    return {
      architecture,
      convention,
      parsed: names?.map(([published, own]) => [new NameTemplate(published), new NameTemplate(own)]),
      published: names?.map(([published, own]) => [new NameTemplate(own), new NameTemplate(published)]),
    };
  }),
);

export const SOURCES: readonly Source[] = [...new Set(NAMINGS.map(({ convention }) => convention.source))];

/** Canonical name of a published parameter, if the naming knows it. */
export function canonicalName({ parsed }: Naming, parameter: string): string | undefined {
  return parsed ? rename(parameter, parsed, {}) : parameter;
}

/** Published name of a canonical parameter, if the naming knows it. */
export function publishedName({ published }: Naming, parameter: string, network: NetworkOptions): string | undefined {
  const counts = Object.entries(network).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  return published ? rename(parameter, published, Object.fromEntries(counts)) : parameter;
}

/** "body.0.conv1.weight" → "body.0.conv1". */
export const layerOf = (parameter: string): string => parameter.slice(0, parameter.lastIndexOf("."));

function rename(parameter: string, names: Names, known: Indices): string | undefined {
  const layer = layerOf(parameter);
  for (const [from, to] of names) {
    const indices = from.match(layer);
    if (indices) return to.fill({ ...known, ...indices }) + parameter.slice(layer.length);
  }
  return undefined;
}
