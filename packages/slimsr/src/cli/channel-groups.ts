import type { AxisRole, ChannelGroup, Freedom } from "@slimsr/core/internal/model/channels.js";

/** A group of tied channels, as `--json` prints it: the layers that meet it. */
export interface GroupSummary {
  readonly channels: number;
  readonly freedom: Freedom;
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  readonly scales: readonly string[];
}

export function summariseGroups(groups: readonly ChannelGroup[]): GroupSummary[] {
  return groups.map(({ size, freedom, axes }) => {
    const layers = (role: AxisRole) => [
      ...new Set(
        axes.flatMap((axis) => (axis.role === role ? [axis.parameter.name.replace(/\.(weight|bias)$/, "")] : [])),
      ),
    ];
    return { channels: size, freedom, writes: layers("writes"), reads: layers("reads"), scales: layers("scales") };
  });
}

/** Rows of a table, the heading first. */
export function groupRows(groups: readonly GroupSummary[]): string[][] {
  return [
    ["group", "channels", "free", "written by", "read by", "scaled by"],
    ...groups.map(({ channels, freedom, writes, reads, scales }, i) => [
      ...[String(i + 1), String(channels), FREEDOM[freedom]],
      ...[writes, reads, scales].map(listed),
    ]),
  ];
}

const FREEDOM: Record<Freedom, string> = { linear: "any basis", scaling: "order, scale", permutation: "order" };

const listed = (layers: readonly string[]): string =>
  layers.length <= 3 ? layers.join(", ") || "–" : `${layers[0]} … ${layers.at(-1)} (${layers.length})`;
