import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import { fileSink, streamSink } from "../../src/node/file-sink.js";

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-test-sink-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const bytes = (text: string) => new TextEncoder().encode(text);

it("a file has its name when it is closed", async () => {
  const folder = await newFolder();
  const path = join(folder, "x.png");
  await writeFile(path, "old");
  const sink = await fileSink(path);
  await sink.write(bytes("new "));
  await sink.write(bytes("file"));
  expect(await readFile(path, "utf8")).toBe("old");
  await sink.close();
  expect(await readFile(path, "utf8")).toBe("new file");
  expect(await readdir(folder)).toEqual(["x.png"]);
});

it("what a process that is gone had begun is removed, what another writes is not", async () => {
  const folder = await newFolder();
  const { pid } = spawnSync(process.execPath, ["--eval", ""]);
  const id = "00000000-0000-4000-8000-000000000000";
  const [gone, alive, other] = [`.slimsr-${pid}-${id}.part`, `.slimsr-${process.ppid}-${id}.part`, ".slimsr-x.part"];
  for (const name of [gone, alive, other]) await writeFile(join(folder, name), "");
  const first = await fileSink(join(folder, "a.png"));
  const second = await fileSink(join(folder, "b.png"));
  expect(await readdir(folder)).not.toContain(gone);
  await Promise.all([first.close(), second.close()]);
  expect((await readdir(folder)).sort()).toEqual([alive, other, "a.png", "b.png"].sort());
});

it("a failure names the file", async () => {
  const folder = await newFolder();
  await expect(fileSink(join(folder, "no", "x.png"))).rejects.toThrow(
    "no/x.png: cannot be written: there is no such file",
  );
  const sink = await fileSink(folder);
  await expect(sink.close()).rejects.toThrow(`${folder}: cannot be written`);
  expect((await readdir(join(folder, ".."))).filter((name) => name.includes(`.slimsr-${process.pid}`))).toEqual([]);
});

it("a stream takes what it can, and is left open", async () => {
  const stream = new PassThrough({ highWaterMark: 4 });
  const sink = streamSink(stream);
  let written = false;
  await sink.write(bytes("abc"));
  const waiting = sink.write(bytes("defghi")).then(() => {
    written = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(written).toBe(false);
  expect(String(stream.read())).toBe("abcdefghi");
  await waiting;
  await sink.close();
  expect(stream.writable).toBe(true);
});
