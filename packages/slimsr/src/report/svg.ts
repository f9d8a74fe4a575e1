import { createRequire } from "node:module";
import type { EChartsOption } from "echarts";
import { axisNumber } from "../text/numbers.js";
import { Html } from "./html.js";

/** Its build in one file: the parts of it that charts need are 600 files, which take a second to load. */
const { init } = createRequire(import.meta.url)("echarts/dist/echarts.common.min.js") as typeof import("echarts");

/** Colours that the style sheet has: --series-1 … */
export const PALETTE_SIZE = 6;

const SIZE = { width: 380, height: 250 };
const FONT_SIZE = 14;
const LABEL_LENGTH = 24;

export type Point = readonly [x: number, y: number];

export interface Marker {
  readonly label: string;
  readonly point: Point;
  /** Index into the palette. */
  readonly colour: number;
}

/** Lines over x, coloured in turn; where there are more points than pixels, means of neighbours. */
export function lineChart(series: readonly (readonly Point[])[], xName: string): Html {
  return draw({
    ...frame(xName, ["0%", "0%"]),
    series: series.map((points, i) => ({
      type: "line",
      data: points.map(([x, y]) => [x, Number.isFinite(y) ? y : "-"]),
      sampling: "average",
      showSymbol: points.length <= 30,
      symbol: "circle",
      symbolSize: 5,
      silent: true,
      lineStyle: { width: 2, color: paletteColour(i) },
      itemStyle: { color: paletteColour(i) },
    })),
  });
}

/** Points with their labels beside them. */
export function scatterChart(markers: readonly Marker[], xName: string): Html {
  const rightmost = Math.max(...markers.map(({ point }) => point[0]));
  const sideOf = ({ point }: Marker) => (point[0] > rightmost * 0.6 ? "left" : "right");
  return draw({
    ...frame(xName, ["8%", "8%"]),
    series: (["left", "right"] as const).flatMap((position) =>
      dodged(
        markers.filter((marker) => sideOf(marker) === position),
        markers,
      ).map(({ label, point, colour, shift }) => ({
        type: "scatter" as const,
        data: [[...point]],
        silent: true,
        symbolSize: 11,
        itemStyle: { color: paletteColour(colour), opacity: 1 },
        label: {
          show: true,
          position,
          offset: [0, shift],
          color: "var(--text)",
          fontSize: FONT_SIZE,
          formatter: () => (label.length > LABEL_LENGTH ? `${label.slice(0, LABEL_LENGTH - 1)}…` : label),
        },
      })),
    ),
  });
}

/** Markers, and by how many pixels each one's label must move down so as not to lie on the one above it. */
function dodged(markers: readonly Marker[], all: readonly Marker[]): (Marker & { shift: number })[] {
  const values = all.map(({ point }) => point[1]);
  const pixels = (SIZE.height * 0.7) / (Math.max(...values) - Math.min(...values) || 1);
  let above = Number.NEGATIVE_INFINITY;
  return [...markers]
    .sort((a, b) => b.point[1] - a.point[1])
    .map((marker) => {
      const at = -marker.point[1] * pixels;
      above = Math.max(at, above + FONT_SIZE + 3);
      return { ...marker, shift: above - at };
    });
}

const paletteColour = (index: number): string => `var(--series-${(index % PALETTE_SIZE) + 1})`;

/** @param boundaryGap room that is left below and above the values */
function frame(name: string, boundaryGap: [string, string]): EChartsOption {
  const axis = {
    type: "value",
    axisLabel: { color: "var(--muted)", fontSize: FONT_SIZE, formatter: axisNumber, hideOverlap: true },
    axisLine: { show: true, lineStyle: { color: "var(--rule)" } },
    axisTick: { show: false },
    splitNumber: 4,
  } as const;
  return {
    animation: false,
    textStyle: { fontSize: FONT_SIZE },
    grid: { left: 54, right: 20, top: 12, bottom: 48, outerBoundsMode: "none" },
    xAxis: {
      ...axis,
      name,
      nameLocation: "middle",
      nameGap: 28,
      nameTextStyle: { color: "var(--muted)", fontSize: FONT_SIZE },
      min: 0,
      splitLine: { show: false },
    },
    yAxis: { ...axis, scale: true, boundaryGap, splitLine: { lineStyle: { color: "var(--rule)" } } },
  };
}

/** Colours are the page's variables, so that a chart follows its light and dark schemes; what else is styled is left to it as well. */
function draw(option: EChartsOption): Html {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  try {
    chart.setOption(option);
    return new Html(
      chart
        .renderToSVGString()
        .replace(/<style\b[\s\S]*?<\/style>/g, "")
        .replace(/ (?:style|class|xmlns(?::\w+)?|xml:\w+|ecmeta_\w+|baseProfile|version)="[^"]*"/g, "")
        .replace("<svg", '<svg aria-hidden="true" focusable="false"'),
    );
  } finally {
    chart.dispose();
  }
}
