import { LineChart, type LineSeriesOption } from "echarts/charts";
import {
  GridComponent,
  type GridComponentOption,
  LegendComponent,
  type LegendComponentOption,
  TitleComponent,
  type TitleComponentOption,
} from "echarts/components";
import { type ComposeOption, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { axisNumber } from "../../packages/slimsr/src/text/numbers.js";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

type Option = ComposeOption<LineSeriesOption | GridComponentOption | LegendComponentOption | TitleComponentOption>;

/** Each colour as it is in the light, which is what stands in the picture, and in the dark, which a style sheet puts in its place. */
const COLOURS = {
  paper: ["#ffffff", "#0d1117"],
  text: ["#1f2328", "#e6edf3"],
  muted: ["#59636e", "#9198a1"],
  rule: ["#d1d9e0", "#3d444d"],
  blue: ["#0969da", "#58a6ff"],
  orange: ["#bc4c00", "#f0883e"],
  green: ["#1a7f37", "#3fb950"],
  purple: ["#8250df", "#bc8cff"],
  red: ["#cf222e", "#ff7b72"],
  grey: ["#6e7781", "#8b949e"],
} as const satisfies Readonly<Record<string, readonly [light: string, dark: string]>>;

export type Colour = keyof typeof COLOURS;

const light = (colour: Colour): string => COLOURS[colour][0];

const SIZE = { width: 860, height: 540 };
const FONT = { family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", size: 14 };

export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  readonly label?: string;
  /** Where the label stands. */
  readonly side?: "top" | "bottom" | "left" | "right";
}

export interface PlotSeries {
  readonly name: string;
  readonly colour: Colour;
  readonly points: readonly PlotPoint[];
  /** Whether a line joins the points, or runs through a single one at its height, dashed. */
  readonly line: "none" | "solid" | "level";
}

export interface Axis {
  readonly name: string;
  readonly scale: "linear" | "logarithmic";
  readonly min?: number;
  readonly max?: number;
}

export interface Plot {
  readonly title: string;
  /** What is measured, and on what machine. */
  readonly note: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly PlotSeries[];
  /** At which side the names of the series lie, at the bottom of the plot. */
  readonly legend: "left" | "right";
}

/** The plot as an SVG file that stands by itself and follows the reader's scheme of colours. */
export function drawPlot(plot: Plot): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  try {
    chart.setOption(optionOf(plot));
    return standalone(chart.renderToSVGString(), plot);
  } finally {
    chart.dispose();
  }
}

function optionOf({ title, note, x, y, series, legend }: Plot): Option {
  return {
    animation: false,
    backgroundColor: light("paper"),
    textStyle: { fontFamily: FONT.family, fontSize: FONT.size },
    title: {
      ...{ text: title, subtext: note, left: 16, top: 12, itemGap: 6 },
      textStyle: { color: light("text"), fontSize: 17, fontWeight: 600 },
      subtextStyle: { color: light("muted"), fontSize: 13 },
    },
    legend: {
      ...{ orient: "vertical", [legend]: legend === "left" ? 84 : 48, bottom: 72, itemWidth: 22, selectedMode: false },
      ...{
        backgroundColor: light("paper"),
        borderColor: light("rule"),
        borderWidth: 1,
        borderRadius: 6,
        padding: [10, 36, 10, 10],
      },
      textStyle: { color: light("text"), fontSize: FONT.size },
      data: series.map(({ name }) => name),
    },
    grid: { left: 72, right: 36, top: 76, bottom: 60, outerBoundsMode: "none" },
    xAxis: axisOf(x, 34, false),
    yAxis: axisOf(y, 48, true),
    series: series.map((one) => seriesOf(one, x)),
  };
}

function axisOf({ name, scale, min, max }: Axis, nameGap: number, hasLines: boolean) {
  const axis = {
    scale: true,
    name,
    nameLocation: "middle",
    nameGap,
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    nameTextStyle: { color: light("text"), fontSize: FONT.size },
    axisLabel: { color: light("muted"), fontSize: FONT.size, formatter: axisNumber },
    axisLine: { show: true, lineStyle: { color: light("rule") } },
    axisTick: { show: true, lineStyle: { color: light("rule") } },
    splitLine: { show: hasLines, lineStyle: { color: light("rule") } },
  } as const;
  return scale === "linear" ? ({ ...axis, type: "value" } as const) : ({ ...axis, type: "log" } as const);
}

function seriesOf({ name, colour, points, line }: PlotSeries, x: Axis): LineSeriesOption {
  const ends = line === "level" ? points.flatMap(({ y }) => [x.min, x.max].map((end) => [end ?? 0, y])) : [];
  const style = { width: 2, color: light(colour), type: line === "level" ? "dashed" : "solid" } as const;
  return {
    ...{ type: "line", name, silent: true, clip: false, symbol: "circle" },
    showSymbol: line !== "level",
    symbolSize: 9,
    itemStyle: { color: light(colour) },
    lineStyle: line === "none" ? { ...style, width: 0 } : style,
    data:
      ends.length > 0
        ? ends
        : points.map(({ x: at, y, label = "", side = "right" }) => ({
            value: [at, y],
            label: {
              ...{ show: label !== "", position: side, distance: 7, formatter: label },
              ...{ color: light("text"), fontSize: 13 },
            },
          })),
  };
}

/** With a name for those who don't see it, colours of the dark, and no trace of how many were drawn before it. */
function standalone(svg: string, { title, note }: Plot): string {
  const dark = Object.values(COLOURS)
    .map(([from, to]) => `[fill="${from}"]{fill:${to}}[stroke="${from}"]{stroke:${to}}`)
    .join("");
  return svg
    .replace(/<style\b[\s\S]*?<\/style>/g, "")
    .replace(/ (?:class|ecmeta_\w+)="[^"]*"/g, "")
    .replace(/zr\d+-/g, "plot-")
    .replace(
      /<svg([^>]*)>/,
      `<svg$1 role="img">\n<title>${escaped(`${title}. ${note}`)}</title>\n<style>@media (prefers-color-scheme:dark){${dark}}</style>`,
    )
    .replace(/\s*$/, "\n");
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
