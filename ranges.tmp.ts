import { readdirSync, readFileSync } from "node:fs";
import { describeOnnxFile } from "/tmp/wt/L/packages/core/src/export/onnx-file.js";
import { settleRange } from "/tmp/wt/L/packages/slimsr/src/calibration/settle-range.js";
const dir = "/work/shared/zoo";
for (const f of readdirSync(dir).filter((n) => n.endsWith(".onnx"))) {
  const about = JSON.parse(readFileSync(`${dir}/${f.replace(".onnx", ".json")}`, "utf8"));
  for (const range of [255, 1] as const) {
    try {
      const file = describeOnnxFile(f, readFileSync(`${dir}/${f}`), { range });
      const s = await settleRange({ ...file, scale: file.scale ?? about.scale, rangeSource: "given" } as never, { name: f });
      console.log(f, about.range === range ? "right" : "WRONG", range, s.note ?? "no note");
    } catch (e) { console.log(f, range, "error", (e as Error).message.slice(0, 120)); }
  }
}
