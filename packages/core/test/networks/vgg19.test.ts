import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { thinVgg19 } from "../../../../test/support/networks.js";
import { NetworkError } from "../../src/errors.js";
import { Graph } from "../../src/graph/index.js";
import { TAPS, type Vgg19Weights, vgg19 } from "../../src/networks/index.js";

/** Three channels throughout, each convolution the identity plus a bias of the layer's number. */
function identities(): Vgg19Weights {
  const data = new Float32Array(81);
  for (let c = 0; c < 3; c++) data[c * 27 + c * 9 + 4] = 1;
  const convolutions = Array.from({ length: 13 }, (_, i) => ({
    weight: { shape: [3, 3, 3, 3], data },
    bias: { shape: [3], data: new Float32Array(3).fill(i + 1) },
  }));
  return { convolutions, mean: [10, 20, 30] };
}

describe("VGG19", () => {
  it("has the first ReLU of each stage as its taps", () => {
    const graph = new Graph("vgg");
    const taps = vgg19(graph, thinVgg19())(graph.input("images", [2, 3, 40, 35]));
    expect(TAPS).toHaveLength(5);
    expect(taps.map(({ shape }) => shape)).toEqual([
      [2, 4, 40, 35],
      [2, 8, 20, 17],
      [2, 16, 10, 8],
      [2, 32, 5, 4],
      [2, 32, 2, 2],
    ]);
    expect(taps.map(({ producer }) => producer?.operator.name)).toEqual(Array(5).fill("Relu"));
    expect(graph.nodes.filter(({ operator }) => operator.name === "Conv")).toHaveLength(13);
    expect(graph.nodes.filter(({ operator }) => operator.name === "MaxPool")).toHaveLength(4);
  });

  it("subtracts the mean, convolves, and halves by the largest of four", async () => {
    const graph = new Graph("vgg");
    const images = graph.input("images", [1, 3, 16, 16]);
    vgg19(
      graph,
      identities(),
    )(images).forEach((tap, i) => {
      graph.output(`${i}`, tap);
    });
    const pixel = (i: number) => (i * 7919) % 256;
    const outputs = await evaluate(graph, { images: tensor(images.shape, pixel) });
    // What the layers before a tap add when nothing is negative any more after the first.
    const added = [1, 1 + 2 + 3, 1 + 2 + 3 + 4 + 5, 45, 91];
    for (const [tap, size] of [16, 8, 4, 2, 1].entries()) {
      const window = 16 / size;
      for (let c = 0; c < 3; c++) {
        for (let y = 0; y < size; y++) {
          for (let x = 0; x < size; x++) {
            let largest = Number.NEGATIVE_INFINITY;
            for (let i = 0; i < window * window; i++) {
              const [row, column] = [y * window + Math.floor(i / window), x * window + (i % window)];
              largest = Math.max(largest, pixel(c * 256 + row * 16 + column) - 10 * (c + 1));
            }
            const first = Math.max(0, largest + 1);
            const expected = first + (added[tap] as number) - 1;
            expect(floats(outputs, `${tap}`)[(c * size + y) * size + x]).toBeCloseTo(expected, 3);
          }
        }
      }
    }
  });

  it("shares its weights among all batches of images", () => {
    const graph = new Graph("vgg");
    const features = vgg19(graph, thinVgg19());
    const before = graph.constants.length;
    features(graph.input("a", [1, 3, 16, 16]));
    features(graph.input("b", [2, 3, 16, 16]));
    expect(graph.constants.length - before).toBe(0);
  });

  it("needs images of at least 16×16, and all its convolutions", () => {
    const graph = new Graph("vgg");
    const features = vgg19(graph, thinVgg19());
    expect(() => features(graph.input("images", [1, 3, 64, 15]))).toThrow(NetworkError);
    expect(() => features(graph.inputs[0] ?? graph.input("x", [1]))).toThrow("at least 16×16; these are 64×15");
    const { convolutions, mean } = thinVgg19();
    expect(() => vgg19(new Graph("vgg"), { convolutions: convolutions.slice(1), mean })).toThrow(
      "VGG19 to conv5_1 has 13 convolutions, not 12",
    );
  });
});
