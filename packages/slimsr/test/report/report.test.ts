import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type AblationReport, renderAblation } from "../../src/report/comparison-page.js";
import { renderComparison } from "../../src/report/comparison-table.js";
import { type RunReport, renderReport } from "../../src/report/run-page.js";
import { sampleAblation, sampleReport } from "./sample.js";

/** The cells of all of a page's tables, row by row, as a reader sees them. */
function tableRows(page: string): string[][] {
  return [...page.matchAll(/<tr\b[^>]*>([\s\S]*?)<\/tr>/g)].map(([, row = ""]) =>
    [...row.matchAll(/<t[hd]\b[^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell = ""]) => cell.replace(/<[^>]*>/g, "")),
  );
}

const HOSTILE = `"><img src=x onerror=alert(1)></title></style><script>alert('2')</script>\`{b}&lt;`;
const ESCAPED =
  "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&lt;/title&gt;&lt;/style&gt;&lt;script&gt;alert(&#39;2&#39;)&lt;/script&gt;&#96;{b}&amp;lt;";

/** The same value with every text in it hostile, keys of records too. */
function poisoned<T>(value: T): T {
  if (typeof value === "string") return HOSTILE as T;
  if (Array.isArray(value)) return value.map(poisoned) as T;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (key === "role") return [key, each];
      if (key === "settings" || key === "environment") return [key, { [HOSTILE]: HOSTILE, nested: { [HOSTILE]: 1 } }];
      return [key, poisoned(each)];
    }),
  ) as T;
}

describe.each<[string, () => Promise<string>, () => Promise<string>]>([
  ["report", async () => renderReport(await sampleReport()), async () => renderReport(poisoned(await sampleReport()))],
  [
    "ablation",
    async () => renderAblation(sampleAblation()),
    async () => renderAblation(poisoned<AblationReport>(sampleAblation())),
  ],
])("a page of the %s", (_, render, renderPoisoned) => {
  it("fetches nothing", async () => {
    const page = await render();
    expect(page.match(/\w:\/\/|@import|url\((?!#)|<(?:link|iframe|object|embed|base)\b/i)).toBeNull();
    const targets = [...page.matchAll(/\b(?:src|href|srcset|poster|action|data)\s*=\s*"([^"]*)"/g)].map(([, to]) => to);
    expect(targets.length).toBeGreaterThan(0);
    expect(
      targets.filter((to) => !/^(?:#\w+|data:image\/png;base64,[\w+/=]+|[\w.%-]+\/report\.html)$/.test(to ?? "")),
    ).toEqual([]);
  });

  it("has a policy that lets its own style and script through, and no other", async () => {
    const page = await render();
    const hashes = ["style", "script"].map((element) => {
      const blocks = [...page.matchAll(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`, "g"))];
      expect(blocks).toHaveLength(1);
      return `${element}-src 'sha256-${createHash("sha256")
        .update(blocks[0]?.[1] ?? "")
        .digest("base64")}'`;
    });
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]?.split("; ");
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "img-src data:", ...hashes]));
    expect(page.match(/<[^>]*\s(?:style|on\w+)=/)).toBeNull();
  });

  it("keeps hostile texts as texts", async () => {
    const page = await renderPoisoned();
    expect(page).not.toContain("<img src=x");
    expect(page.match(/<script>alert/)).toBeNull();
    expect(page.match(/<script\b/g)).toHaveLength(1);
    expect(page).toContain(ESCAPED);
    // Of every appearance, the characters that could end a text or an attribute are escaped.
    const appearances = page.match(/onerror=alert\(1\)/g) ?? [];
    expect(appearances.length).toBeGreaterThan(8);
    expect(page.match(/&lt;img src=x onerror=alert\(1\)&gt;/g)).toHaveLength(appearances.length);
  });
});

describe("a run's report", () => {
  it("has every figure of every model, set by set", async () => {
    const teacher = ["779,011", "180.4 G"];
    const models = [
      ["bicubic", "–", "–", "–", "–", "–"],
      ["teacher before", ...teacher, "2,258 ms", "×1.00", "3.0 MiB"],
      ["teacher after", ...teacher, "2,260 ms", "×1.00", "3.0 MiB"],
      ["student w0.5", "195,971", "45.6 G", "680 ms", "×3.32", "767.6 KiB"],
      ["student w0.25", "49,651", "11.7 G", "251 ms", "×8.99", "196.3 KiB"],
    ];
    const scores = {
      "Set5 ×2": ["33.673 −4.128", "37.801 –", "37.792 −0.009", "37.501 −0.300", "36.620 −1.181"],
      "Set14 ×2": ["30.325 −3.048", "33.373 –", "33.310 −0.063", "32.981 −0.392", "32.400 −0.973"],
    };
    const expected = Object.entries(scores).flatMap(([set, psnrs]) => [
      [set],
      ...models.map(([label, ...rest], i) => [label, ...(psnrs[i]?.split(" ") ?? []), `0.9${i}00`, ...rest]),
    ]);
    expect(tableRows(renderReport(await sampleReport())).slice(1)).toEqual(expected);
  });

  it("says what it cost, and shows settings, notes and curves", async () => {
    const page = renderReport(await sampleReport());
    const text = page
      .replace(/<(style|script)>[\s\S]*?<\/\1>/g, "")
      .replace(/<[^>]*>/g, " ")
      .replace(/\s+/g, " ");
    for (const words of [
      "Time 8 min 31 s",
      "Steps a second 4.89",
      "Operations 73.1 TFLOP",
      "VGG&#39;s share of them 41.2 %",
      "Peak memory 496.9 MiB",
      "Energy – not readable",
      "teacher edsr_r8f64_x2.safetensors",
      "width 0.5, 0.25",
      "averageDecay –",
      "network architecture edsr blocks 8",
      "processor AMD EPYC",
      "lost 0.009 dB on Set5.",
      "2026-11-25 09:45 UTC",
      "width 0.5 33.20",
      "student w0.5 31.02 dB",
    ]) {
      expect(text).toContain(words);
    }
    expect(page).toContain('aria-label="Set5 ×2: PSNR (dB) by parameters. teacher before: 37.80 dB at 779.0 k; ');
    expect(page.match(/<svg\b/g)).toHaveLength(7);
  });

  it("leaves out what there is nothing of", async () => {
    const bare: RunReport = { ...(await sampleReport()), curves: [], crops: [], notes: [], table: [] };
    const page = renderReport(bare);
    for (const absent of ["<svg", "<table", '"#crops"', '"#charts"', '"#results"', "<aside"]) {
      expect(page).not.toContain(absent);
    }
    expect(page).toContain('"#cost"');
  });

  it("shows figures that there aren't as dashes, and draws around values that are not finite", async () => {
    const sample = await sampleReport();
    const none = {
      psnr: null,
      ssim: null,
      parameters: null,
      macs: null,
      latencyMs: null,
      speedUp: null,
      modelBytes: null,
    };
    const page = renderReport({
      ...sample,
      crops: [],
      created: "yesterday",
      table: sample.table.slice(0, 4).map((row) => ({ ...row, ...none })),
      curves: [
        { title: "all lost", series: [{ name: "a", points: [[1, Number.NaN]] }] },
        {
          title: "one lost",
          series: [
            {
              name: "b",
              points: [
                [1, 2],
                [2, Number.POSITIVE_INFINITY],
                [3, 1.5],
              ],
            },
            { name: "c", points: [] },
          ],
        },
      ],
      cost: { seconds: 3725, stepsPerSecond: null, flops: null, joules: 45_000, peakMemoryBytes: null, vggShare: null },
    });
    expect(tableRows(page).slice(2)).toEqual(
      sample.table.slice(0, 4).map(({ label }) => [label, ...Array<string>(8).fill("–")]),
    );
    expect(page.match(/NaN|Infinity|undefined|null/)).toBeNull();
    expect(page).not.toContain("all lost");
    expect(page.match(/<svg\b/g)).toHaveLength(1);
    for (const words of [">yesterday<", ">1 h 2 min<", ">45.0 kJ<", ">12.5 Wh<"]) expect(page).toContain(words);
  });
});

describe("an ablation's report", () => {
  it("has methods as rows and sets as columns, the best of each width marked", () => {
    const page = renderAblation(sampleAblation());
    const rows = tableRows(page);
    expect(rows[0]).toEqual([
      "Method",
      "Steps",
      "Seeds",
      "Set5 ×2",
      "Set14 ×2",
      "Validation",
      "Secondsa step",
      "Teacher dB it moved".replace(" ", ""),
    ]);
    expect(rows[1]).toEqual(["PSNR", "SSIM", "PSNR", "SSIM", "Start", "Best"]);
    const spread = "± 0.0004";
    const csd = "L1 + 10 · contrastive; frozen teacher";
    expect(rows.slice(2)).toEqual([
      ["For comparison"],
      ["bicubic", "–", "–", "33.67", "0.9570", "29.07", "0.9170", "–", "–", "–", "–"],
      ["teacher", "–", "–", "37.80", "0.9570", "33.20", "0.9170", "–", "–", "–", "–"],
      ["Width 0.5 (50.0 % of the channels)"],
      [`csd${csd}`, "1,500", "1s0", "35.69", "0.9570", "31.09", "0.9170", "27.69", "31.69", "0.480", "−1.32"],
      [
        "sliceL1",
        "1,500",
        "3s0 s1 s2",
        "36.51 ± 0.03",
        `0.9570 ${spread}`,
        "31.91 ± 0.03",
        `0.9170 ${spread}`,
        "28.51",
        "32.51 ± 0.02",
        "0.102",
        "–",
      ],
      [
        "scratchL1",
        "1,500",
        "3s0 s1 s2",
        "35.01 ± 0.03",
        `0.9570 ${spread}`,
        "30.41 ± 0.03",
        `0.9170 ${spread}`,
        "27.01",
        "31.01 ± 0.02",
        "0.102",
        "–",
      ],
      [
        `csd-k4${csd}csd; negatives 4; taps 1, 0`,
        "1,500",
        "1s0",
        "35.20",
        "0.9570",
        "30.60",
        "0.9170",
        "27.20",
        "31.20",
        "0.102",
        "−1.32",
      ],
      ["Width 0.25 (25.0 % of the channels)"],
      [`csd${csd}`, "1,500", "1s0", "34.40", "0.9570", "29.80", "0.9170", "26.40", "30.40", "0.480", "−1.32"],
      [
        "sliceL1",
        "1,500",
        "3s0 s1 s2",
        "35.20 ± 0.03",
        `0.9570 ${spread}`,
        "30.60 ± 0.03",
        `0.9170 ${spread}`,
        "27.20",
        "31.20 ± 0.02",
        "0.102",
        "–",
      ],
    ]);
    const best = [...page.matchAll(/<td class="best">([\d.]+)/g)].map(([, value]) => value);
    expect(best).toEqual(["36.51", "31.91", "35.20", "30.60"]);
  });

  it("has curves that are described, and links to the runs", () => {
    const page = renderAblation(sampleAblation());
    expect(page).toContain(
      '<div role="img" aria-label="Validation PSNR (dB), width 0.5. csd ends at 31.66; slice ends at ',
    );
    expect(page.match(/<svg\b/g)).toHaveLength(2);
    expect(page).toContain('<a href="slice-w0.25-s2/report.html" aria-label="run of seed 2, slice-w0.25-s2">s2</a>');
  });

  it("draws PSNR by bytes and by time where it knows files", () => {
    const sample = sampleAblation();
    const timed = <Row extends Pick<AblationReport["rows"][number], "scores">>(
      row: Row,
      bytes: number,
      bits?: number,
    ) => ({
      ...row,
      scores: row.scores.map((score) => ({ ...score, milliseconds: bytes / 1e4 })),
      file: { bytes, ...(bits !== undefined && { bits }) },
    });
    const [, teacher] = sample.references.map((row) => timed(row, 3_100_000));
    const [csd, slice] = sample.rows.map((row, i) => (i === 0 ? timed(row, 560_000, 4) : timed(row, 780_000)));
    const report = { ...sample, references: [teacher], rows: [csd, slice] } as AblationReport;
    const page = renderAblation(report);
    expect(page.match(/<svg\b/g)).toHaveLength(5);
    expect(page).toContain("Set5 ×2: PSNR (dB) by file size. teacher: 37.80 dB at 3.1 M; csd 0.5: 35.69 dB at 560");
    expect(page).toContain("Set14 ×2: PSNR (dB) by latency. ");
    const [head, ...lines] = renderComparison(report, "csv").trim().split("\n");
    const columns = head?.split(",") ?? [];
    const cell = (line: number, title: string) => lines[line]?.split(",")[columns.indexOf(title)];
    expect([cell(0, "file"), cell(1, "file"), cell(2, "file")]).toEqual(["3100000", "560000", "780000"]);
    expect([cell(0, "bits"), cell(1, "bits"), cell(2, "Set5 ×2 ms")]).toEqual(["", "4", "78"]);
  });

  it("shows memory in units", () => {
    const page = renderAblation({ ...sampleAblation(), environment: { machine: { memory: 8 * 2 ** 30, cores: 2 } } });
    expect(page).toContain("<dt>memory</dt><dd>8.0 GiB</dd><dt>cores</dt><dd>2</dd>");
  });

  it("leaves cells empty where a method wasn't measured on a set", () => {
    const sample = sampleAblation();
    const [csd, slice] = sample.rows;
    const page = renderAblation({
      ...sample,
      references: [],
      rows: [{ ...csd, scores: [] }, slice] as AblationReport["rows"],
    });
    expect(tableRows(page)[3]).toEqual([
      "csdL1 + 10 · contrastive; frozen teacher",
      ...["1,500", "1s0", "–", "–", "–", "–", "27.69", "31.69", "0.480", "−1.32"],
    ]);
  });
});
