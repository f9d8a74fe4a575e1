import { describe, expect, it } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { type Image8, imageOf, to8Bit } from "../../../core/src/images/image.js";
import { floatPlanes } from "../../../core/src/images/planes.js";
import { degradationFor, parseDegradation } from "../../src/degradations/degradation.js";
import { degrade, seededBy, withNoise } from "../../src/degradations/degrade.js";

const done = (image: Image8, text: string, scale = 1, seed = 0): Promise<Image8> =>
  degrade(image, parseDegradation(text).stored, scale, seededBy(seed, image.data));

const rms = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length);

describe("a degradation", () => {
  it("is read from text, and noise that comes last stays by itself", () => {
    expect(parseDegradation("noise:0-50")).toEqual({
      ...{ text: "noise:0-50", stored: [] },
      noise: { kind: "noise", least: 0, most: 50 },
    });
    const chain = parseDegradation(" blur:1.60+bicubic+noise:5+jpeg:40-90");
    expect(chain.text).toBe("blur:1.6+bicubic+noise:5+jpeg:40-90");
    expect(chain.stored.map(({ kind }) => kind)).toEqual(["blur", "bicubic", "noise", "jpeg"]);
    expect(chain.noise).toBeUndefined();
  });

  it.each([
    ["", '"" is no degradation; there are bicubic, noise:25'],
    ["fog", '"fog" is no degradation'],
    ["noise", '"noise" is no degradation'],
    ["toString:3", "is no degradation"],
    ["noise:-3", "is no degradation"],
    ["noise:300", "noise takes a standard deviation of 255 levels from 0 to 255"],
    ["noise:50-10", "or a range of them"],
    ["jpeg:40.5", "jpeg takes a whole quality from 1 to 100"],
    ["jpeg:0", "jpeg takes a whole quality"],
    ["blur:0", "blur takes a standard deviation in pixels from 0.1"],
    ["bicubic+bicubic", "name it once"],
    ["blur:1.6+", '"" is no degradation'],
  ])("%j is refused", (text, message) => {
    expect(() => parseDegradation(text)).toThrow(UsageError);
    expect(() => parseDegradation(text)).toThrow(message);
  });

  it("must fit the scale, and a restoration network needs one", () => {
    expect(degradationFor(2, undefined, "Set").text).toBe("bicubic");
    expect(degradationFor(2, "blur:1.6+bicubic", "Set").text).toBe("blur:1.6+bicubic");
    expect(() => degradationFor(2, "noise:25", "Set")).toThrow("as in bicubic+noise:25 or noise:25+bicubic");
    expect(() => degradationFor(1, "bicubic", "Set")).toThrow("leave bicubic out");
    expect(() => degradationFor(1, undefined, "Set")).toThrow(/Set: .* --degrade \(such as noise:25.* input and truth/);
  });
});

describe("degrading", () => {
  const grey = imageOf(64, 48, 1, new Uint8Array(64 * 48).fill(128));

  it("by bicubic is MATLAB's, as ever", async () => {
    const image = to8Bit(await photograph("19"));
    expect(await done(image, "bicubic", 2)).toEqual(resizeBicubic(image, 1 / 2));
  });

  it("by noise has the standard deviation asked for, each image and seed its own, and the same again", async () => {
    const planes = floatPlanes(imageOf(256, 256, 1, new Uint8Array(65536).fill(10)), 1);
    const span = { least: 25, most: 25 };
    const noisy = withNoise(planes, span, 0);
    expect(rms(noisy.data, planes.data)).toBeCloseTo(25, 0);
    expect(Math.min(...noisy.data)).toBeLessThan(-20);
    expect(withNoise(planes, span, 0)).toEqual(noisy);
    expect(withNoise(planes, span, 1)).not.toEqual(noisy);
    const other = withNoise({ ...planes, data: planes.data.map((value) => value + 1) }, span, 0);
    expect(rms(other.data, noisy.data)).toBeGreaterThan(25);
    const stored = await done(grey, "noise:25+blur:0.1");
    expect(rms(stored.data, grey.data)).toBeGreaterThan(22);
  });

  it("by a range draws for each image", () => {
    const planes = floatPlanes(grey, 1);
    const levels = [0, 1, 2, 3].map((seed) => rms(withNoise(planes, { least: 0, most: 50 }, seed).data, planes.data));
    expect(Math.max(...levels)).toBeLessThan(52);
    expect(Math.max(...levels) - Math.min(...levels)).toBeGreaterThan(3);
  });

  it("by blur keeps flat images and spreads a point as a Gaussian", async () => {
    expect(await done(grey, "blur:2")).toEqual(grey);
    const point = imageOf(21, 21, 1, new Uint8Array(441).fill(0).fill(255, 220, 221));
    const { data } = await done(point, "blur:1.6");
    expect(data[220]).toBe(Math.round(255 / (2 * Math.PI * 1.6 ** 2)));
    expect(data[220 + 2]).toBeCloseTo((data[220] as number) * Math.exp(-(2 ** 2) / (2 * 1.6 ** 2)), 0);
    expect(data[220 + 2]).toBe(data[220 - 2 * 21]);
    const colour = to8Bit(noise(20, 16, 3, 8));
    const [red] = [
      imageOf(
        20,
        16,
        1,
        colour.data.filter((_, i) => i % 3 === 0),
      ),
    ];
    expect((await done(colour, "blur:1")).data.filter((_, i) => i % 3 === 0)).toEqual(
      (await done(red as Image8, "blur:1")).data,
    );
  });

  it("by JPEG loses more at lower quality", async () => {
    const image = to8Bit(await photograph("19"));
    const [high, low] = [await done(image, "jpeg:90"), await done(image, "jpeg:10")];
    expect(rms(high.data, image.data)).toBeGreaterThan(0.5);
    expect(rms(low.data, image.data)).toBeGreaterThan(2 * rms(high.data, image.data));
    expect((await done(grey, "jpeg:40")).channels).toBe(1);
  });
});
