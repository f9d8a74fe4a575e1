import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";

/** Edges and ramps, the same each time. */
export function picture(width = 12, height = 10, channels: 3 | 4 = 3): Sharp {
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    data[i] = ((x >> 2) % 2 === (y >> 2) % 2 ? 150 : 60) + ((x * 7 + y * 3 + (i % channels) * 20) % 60);
  }
  return sharp(data, { raw: { width, height, channels } });
}

/** Writes a picture in the format of each path's ending. */
export async function writePictures(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await picture().toFile(join(folder, name));
  }
}

/** The picture twice, turned, as an animation. */
export async function writeAnimation(path: string): Promise<void> {
  const frames = await Promise.all([picture(), picture().flip()].map((each) => each.png().toBuffer()));
  await writeFile(
    path,
    await sharp(frames, { join: { animated: true } })
      .gif({ delay: [80, 120] })
      .toBuffer(),
  );
}
