import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { drawPlot } from "../scripts/plots/draw.js";
import { figures } from "../scripts/plots/figures.js";
import { readMeasurements } from "../scripts/plots/measurement.js";
import { ROOT } from "./support/child.js";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

describe("docs/pictures", () => {
  it("are what npm run plots draws of docs/figures, each shown on a page", async () => {
    const pages = ["README.md", "docs/ablations.md", "docs/performance.md"].map(read).join();
    const drawn = await figures();
    expect(drawn.length).toBeGreaterThanOrEqual(3);
    for (const { name, plot } of drawn) {
      expect(drawPlot(plot), name).toBe(read(`docs/pictures/${name}.svg`));
      expect(pages).toContain(`pictures/${name}.svg)`);
    }
  });

  it("have a label at each named point, units on the axes, and colours of the dark", () => {
    const svg = drawPlot({
      ...{
        title: "A < B",
        note: "a machine",
        legend: "right",
        x: { name: "ms", scale: "linear" },
        y: { name: "dB", scale: "linear" },
      },
      series: [{ name: "some", colour: "blue", line: "none", points: [{ x: 1, y: 30, label: "this one" }] }],
    });
    for (const text of [">ms<", ">dB<", ">some<", ">this one<", ">A &lt; B. a machine<"]) expect(svg).toContain(text);
    expect(svg).toMatch(/prefers-color-scheme:dark.*\[fill="#ffffff"\]\{fill:#0d1117\}/);
  });
});

describe("docs/figures", () => {
  it("say how each was made, on what and when, and nothing of one machine's folders", async () => {
    const all = (
      await Promise.all(["evaluations", "published", "runs", "starts", "times"].map(readMeasurements))
    ).flat();
    expect(all.length).toBeGreaterThan(3);
    for (const { command, machine, date, label } of all) {
      expect(command).toMatch(/^(?:npx slimsr \w+|npm run bench --) (?!.*(?<!\w)\/)/);
      expect([machine, label]).not.toContain("");
      expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });
});
