import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { encodeRecord } from "../../src/events/record.js";
import { EventWriter } from "../../src/events/writer.js";
import { decodeEvents, decodeMessage, decodeRecords } from "./decode.js";

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "events-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

const PNG = "test/fixtures/images/kodak-05.png";
const [VERSION, SUMMARY, SESSION_LOG] = [3, 5, 7];

/** The one value of a summary. */
const summaryValue = (summary: Uint8Array) => decodeMessage(decodeMessage(summary).get(1) as Uint8Array);
const text = (bytes: bigint | Uint8Array | undefined) => new TextDecoder().decode(bytes as Uint8Array);
const float = (bytes: bigint | Uint8Array | undefined) =>
  new DataView(new Uint8Array(bytes as Uint8Array).buffer).getFloat32(0, true);

describe("TensorBoard's event files", () => {
  it("have records with the checksums that TensorFlow writes", () => {
    // The first bytes of any event file of TensorFlow's whose first record has 24 bytes.
    expect(Buffer.from(encodeRecord(new Uint8Array(24))).toString("hex", 0, 12)).toBe("1800000000000000a37f4b22");
  });

  it("hold scalars and images between version and start", async () => {
    const folder = join(await temporaryFolder(), "new", "events");
    const before = Date.now() / 1000;
    const events = await EventWriter.open(folder, { step: 1 });
    const png = await readFile(PNG);
    events.scalar("loss/größe", 7, 0.1, 1234.5);
    events.scalar("loss", 2 ** 40, Number.NaN);
    events.image("crop", 8, png, 101, 75);
    await events.close();

    const [name = ""] = await readdir(folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    expect(name.endsWith(hostname().replace(/[^\w.-]/g, "_"))).toBe(true);
    const decoded = decodeEvents(await readFile(events.path));
    expect(decoded.map(({ kind, step }) => [kind, step])).toEqual([
      [VERSION, 0],
      [SESSION_LOG, 1],
      [SUMMARY, 7],
      [SUMMARY, 2 ** 40],
      [SUMMARY, 8],
    ]);
    const [version, start, first, second, image] = decoded.map(({ value }) => value) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    expect(text(version)).toBe("brain.Event:2");
    expect(decodeMessage(start)).toEqual(new Map([[1, 1n]]));
    expect(text(summaryValue(first).get(1))).toBe("loss/größe");
    expect(float(summaryValue(first).get(2))).toBe(Math.fround(0.1));
    expect(decoded[2]?.wallTime).toBe(1234.5);
    expect(float(summaryValue(second).get(2))).toBeNaN();
    expect(decoded[3]?.wallTime).toBeGreaterThanOrEqual(before);
    expect(decoded[3]?.wallTime).toBeLessThanOrEqual(Date.now() / 1000);
    expect(text(summaryValue(image).get(1))).toBe("crop");
    const fields = decodeMessage(summaryValue(image).get(4) as Uint8Array);
    expect([1, 2, 3].map((field) => fields.get(field))).toEqual([75n, 101n, 3n]);
    expect(Buffer.from(fields.get(4) as Uint8Array).equals(png)).toBe(true);
  });

  it("grow by whole records at each flush, in the order of the calls", async () => {
    const events = await EventWriter.open(await temporaryFolder(), { step: 0 });
    const sizes = [(await stat(events.path)).size];
    for (let step = 0; step < 100; step++) events.scalar("loss", step, step);
    const flushes = [events.flush()];
    for (let step = 100; step < 200; step++) events.scalar("loss", step, step);
    flushes.push(events.flush());
    await Promise.all(flushes);
    sizes.push((await stat(events.path)).size);
    await events.flush();
    sizes.push((await stat(events.path)).size);
    await events.close();
    expect(sizes[1]).toBeGreaterThan(sizes[0] as number);
    expect(sizes[2]).toBe(sizes[1]);
    const steps = decodeEvents(await readFile(events.path)).slice(2);
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 200 }, (_, step) => step));
  });

  it("of a resumed run are new, come later by name, and say from where on earlier ones are void", async () => {
    const folder = await temporaryFolder();
    const first = await EventWriter.open(folder, { step: 1 });
    first.scalar("loss", 1, 1);
    await first.close();
    // What a killed process leaves behind, and a clock that was ahead.
    await appendFile(first.path, (await readFile(first.path)).subarray(0, 20));
    const torn = await readFile(first.path);
    await writeFile(join(folder, "events.out.tfevents.9000000000.elsewhere"), "");
    const second = await EventWriter.open(folder, { step: 11 });
    const third = await EventWriter.open(folder, { step: 21 });
    await second.close();
    await third.close();
    expect((await readdir(folder)).sort().map((name) => name.split(".")[3])).toEqual([
      first.path.split(".")[3],
      "9000000000",
      "9000000001",
      "9000000002",
    ]);
    expect(await readFile(first.path)).toEqual(torn);
    expect(decodeRecords(torn)).toHaveLength(3);
    const starts = await Promise.all([second, third].map(async ({ path }) => decodeEvents(await readFile(path))[1]));
    expect(starts.map((start) => [start?.kind, start?.step])).toEqual([
      [SESSION_LOG, 11],
      [SESSION_LOG, 21],
    ]);
  });

  it("stay whole where the disk is full, and take what was refused once there is room", async () => {
    const folder = await temporaryFolder();
    // Files of this process may have 4 KiB; the limit is raised by its end.
    const source = `
      import { execFileSync } from "node:child_process";
      import { EventWriter } from "./packages/slimsr/dist/events/writer.js";
      const events = await EventWriter.open(${JSON.stringify(folder)}, { step: 1 });
      events.scalar("loss", 1, 1);
      await events.flush();
      events.image("large", 2, new Uint8Array(5000), 1, 1);
      console.log(await events.flush().catch(({ code }) => code));
      events.scalar("loss", 3, 1);
      execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=1000000"]);
      await events.close();`;
    const command = 'ulimit -S -f 8 && exec "$0" --input-type=module -e "$1"';
    const printed = await new Promise<string>((resolve, reject) => {
      execFile("sh", ["-c", command, process.execPath, source], { cwd: ROOT }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
    });
    expect(printed.trim()).toBe("EFBIG");
    const [name = ""] = await readdir(folder);
    expect(decodeEvents(await readFile(join(folder, name))).map(({ step }) => step)).toEqual([0, 1, 1, 2, 3]);
  });
});
