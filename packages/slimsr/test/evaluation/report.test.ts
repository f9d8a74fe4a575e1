import { describe, expect, it } from "vitest";
import type { EvaluationRow } from "../../src/evaluation/evaluate.js";
import { evaluationJson, evaluationNotes, renderEvaluation, speedUp } from "../../src/evaluation/evaluation-table.js";

const row = (more: Partial<EvaluationRow>): EvaluationRow => ({
  ...{ model: "edsr.pt", width: 1, set: "Set5", scale: 2, psnr: 37.8012, ssim: 0.95981 },
  metric: { colour: "y", border: 2 },
  ...{ parameters: 779011, macs: 180353433600, msPerImage: 80, deviations: {} },
  images: [
    { image: "baby", psnr: 38, ssim: 0.97, milliseconds: 100 },
    { image: "bird", psnr: Number.POSITIVE_INFINITY, ssim: 1, milliseconds: 60 },
  ],
  ...more,
});
const bicubic = row({
  ...{ model: "bicubic", width: null, psnr: 33.6734, ssim: 0.93, parameters: null, macs: null, msPerImage: null },
  images: [{ image: "baby", psnr: 37, ssim: 0.95, milliseconds: null }],
});
const student = row({ width: 0.5, psnr: 36.82, parameters: 195971, macs: 45586022, msPerImage: 32 });
const rows = [bicubic, row({}), student];

describe("a report", () => {
  it("is a table for people", () => {
    expect(renderEvaluation(rows, "text")).toBe(
      [
        "set   model    width  scale    PSNR    SSIM  parameters     MACs  ms/image  speed-up",
        "Set5  bicubic      –     ×2  33.673  0.9300           –        –         –         –",
        "Set5  edsr.pt      1     ×2  37.801  0.9598     779,011  180.4 G      80.0     ×1.00",
        "Set5  edsr.pt    0.5     ×2  36.820  0.9598     195,971   45.6 M      32.0     ×2.50",
        "",
      ].join("\n"),
    );
  });

  it("is Markdown and CSV, CSV with all digits", () => {
    expect(renderEvaluation([student], "markdown")).toBe(
      "| set | model | width | scale | PSNR | SSIM | parameters | MACs | ms/image | speed-up |\n" +
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n" +
        "| Set5 | edsr.pt | 0.5 | ×2 | 36.820 | 0.9598 | 195,971 | 45.6 M | 32.0 | – |\n",
    );
    expect(renderEvaluation([row({ set: 'a,"b"' })], "csv")).toBe(
      "set,model,width,scale,PSNR,SSIM,parameters,MACs,ms/image,speed-up\n" +
        '"a,""b""",edsr.pt,1,2,37.8012,0.95981,779011,180353433600,80,1\n',
    );
    expect(renderEvaluation([row({ model: "a|b" })], "markdown")).toContain("| a\\|b |");
  });

  it("lists images before their mean", () => {
    const lines = renderEvaluation([row({})], "csv", { images: true }).split("\n");
    expect(lines[1]).toBe("Set5,baby,edsr.pt,1,2,38,0.97,779011,180353433600,100,");
    expect(lines[2]).toContain("bird,edsr.pt,1,2,Infinity");
    expect(lines[3]).toContain("Set5,mean,edsr.pt,1,2,37.8012");
  });

  it("is JSON that can be parsed, infinity included", () => {
    const parsed = JSON.parse(JSON.stringify(evaluationJson([bicubic, row({ niqe: null })], { images: true })));
    expect(Object.keys(evaluationJson([student])[0] as object)).toEqual([
      "model",
      "width",
      "set",
      "scale",
      "metric",
      "psnr",
      "ssim",
      "parameters",
      "macs",
      "msPerImage",
    ]);
    expect(parsed[0]).toMatchObject({ model: "bicubic", width: null, psnr: 33.6734, msPerImage: null });
    expect(parsed[1]).toMatchObject({ niqe: null, images: [{ image: "baby" }, { image: "bird", psnr: "Infinity" }] });
  });

  it("states speed-ups over the full width of the same model, or else the first", () => {
    expect(speedUp(student, rows)).toBe(2.5);
    expect(speedUp(bicubic, rows)).toBeNull();
    expect(speedUp(student, [student])).toBeNull();
    // Students of several widths, of which none is 1, beside a teacher of another name.
    const narrow = [0.5, 0.25].map((width) => row({ model: "slim", width, msPerImage: 10 }));
    const [first] = rows.filter(({ width }) => width === 1);
    expect(speedUp(narrow[0] as typeof student, [...rows, ...narrow])).toBe((first?.msPerImage as number) / 10);
    const exported = row({ model: "student.onnx", msPerImage: 20 });
    expect(speedUp(exported, [...rows, exported])).toBe(4);
    expect(speedUp(exported, [row({ set: "Set14" }), exported])).toBe(1);
    const other = [row({ model: "b.pt", msPerImage: 10 }), row({ model: "b.pt", width: 0.5, msPerImage: 8 })];
    expect(speedUp(other[1] as EvaluationRow, [...rows, ...other])).toBe(1.25);
  });

  it("says what makes figures approximate", () => {
    expect(evaluationNotes(rows)).toEqual([]);
    const [tiled, padded, niqe] = evaluationNotes([
      row({ deviations: { tiled: 1, padded: 2 } }),
      row({ niqe: 4, images: [{ image: "a", psnr: 1, ssim: 1, niqe: null, milliseconds: 1 }] }),
    ]);
    expect(tiled).toMatch(/edsr.pt on Set5: 1 of 2 images were too large.*approximate/);
    expect(padded).toMatch(/2 of 2 images are smaller.*approximate/);
    expect(niqe).toMatch(/1 of 1 images have too few blocks .*; it is not given/);
  });
});
