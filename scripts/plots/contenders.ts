import type { Axis, PlotPoint, PlotSeries } from "./draw.js";
import type { Measurement, Row } from "./measurement.js";

type Side = NonNullable<PlotPoint["side"]>;

const SET = "Set5";
const WHOLE = "edsr_r8f64_x2.safetensors";

export const PSNR: Axis & { min: number } = { name: `PSNR on ${SET} ×2 (dB)`, scale: "linear", min: 33, max: 39 };

/** Published networks, as their authors call them, and where their names have room. */
const PUBLISHED: Readonly<Record<string, readonly [name: string, side: Side]>> = {
  "bsrn_x2.onnx": ["BSRN", "top"],
  "carn_m_x2.onnx": ["CARN-M", "right"],
  "efdn_x2.onnx": ["EFDN", "right"],
  "plainusr_l_x2.onnx": ["PlainUSR-L", "top"],
  "plainusr_s_x2.onnx": ["PlainUSR-S", "left"],
  "plainusr_u_x2.onnx": ["PlainUSR-U", "top"],
  "smfanet_x2.onnx": ["SMFANet", "left"],
};

/**
 * Published networks, EDSR 8×64, and what becomes of it at fewer channels, by their parameters.
 * @param evaluations of networks by the names of their files: published ones, closed-w0.5, plain-w0.5, photo-x2 and students
 * @param runs whose students are drawn
 * @param x the axis of parameters
 */
export function contenders(evaluations: readonly Measurement[], runs: readonly Measurement[], x: Axis): PlotSeries[] {
  const evaluated = evaluations.flatMap(rowsOf);
  const named = (model: RegExp) => evaluated.filter((row) => model.test(row.model));
  const whole = evaluated.filter(({ model }) => model === WHOLE).slice(0, 1);
  /** From the narrowest to the whole. */
  const widths = (model: RegExp, labelOf: (row: Row) => string) =>
    [...named(model), ...whole]
      .sort((a, b) => (a.parameters ?? 0) - (b.parameters ?? 0))
      .flatMap((row) => point(row, { label: labelOf(row), side: "bottom" }));
  const students = [...evaluated, ...runs.flatMap(rowsOf)].filter(({ model }) => /^student\b/.test(model));
  return [
    {
      ...{ name: "published networks", colour: "grey", line: "none" },
      points: evaluated.flatMap((row) => {
        const [label, side] = PUBLISHED[row.model] ?? [];
        return label && side ? point(row, { label, side }) : [];
      }),
    },
    {
      ...{ name: "EDSR 8×64", colour: "text", line: "none" },
      points: whole.flatMap((row) => point(row, { label: "EDSR 8×64", side: "right" })),
    },
    {
      ...{ name: "the same, by slim, no training", colour: "orange", line: "solid" },
      points: widths(/^closed-/, widthOf),
    },
    {
      ...{ name: "trained at several widths: photo-x2", colour: "purple", line: "solid" },
      points: widths(/^photo-x2/, () => ""),
    },
    {
      ...{ name: "trained for one size", colour: "blue", line: "none" },
      points: students.flatMap((row) => point(row, {})),
    },
    {
      ...{ name: "first channels, no training", colour: "red", line: "none" },
      points: named(/^plain-/).flatMap((row) =>
        point({ ...row, psnr: PSNR.min }, { label: `${row.psnr.toFixed(1)} dB ↓`, side: "left" }),
      ),
    },
    ...evaluated
      .filter(({ model }) => model === "bicubic")
      .slice(0, 1)
      .map(
        ({ psnr }): PlotSeries => ({
          ...{ name: `bicubic, ${psnr.toFixed(2)} dB`, colour: "grey", line: "level" },
          points: [{ x: x.min ?? 0, y: psnr }],
        }),
      ),
  ];
}

const rowsOf = ({ rows }: Measurement): Row[] => rows.filter(({ set, scale }) => set === SET && scale === 2);

const point = ({ parameters, psnr }: Row, how: Omit<PlotPoint, "x" | "y">): PlotPoint[] =>
  parameters === null ? [] : [{ x: parameters, y: psnr, ...how }];

/** "0.5"; nothing of a whole network. */
const widthOf = ({ model }: Row): string => /-w([\d.]+)\.\w+$/.exec(model)?.[1] ?? "";
