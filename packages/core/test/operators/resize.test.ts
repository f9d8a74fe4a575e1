import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import {
  type Attributes,
  elements,
  float,
  Graph,
  int,
  type Node,
  type Shape,
  text,
  type Value,
} from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import { Resize, resizeNearest, resizeTo } from "../../src/operators/index.js";
import * as family from "../../src/operators/resize.js";
import { sampledAxis } from "../../src/operators/sampling.js";
import { type GradientCase, testGradients } from "./gradients.js";
import { each, testShapes } from "./shapes.js";

const transforms = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"];
const roundings = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

/** Every way of sampling that the engine has and we know. */
const WAYS: Attributes[] = transforms.flatMap((transform): Attributes[] => {
  const attributes = { coordinate_transformation_mode: text(transform) };
  return [
    ...roundings.map((rounding) => ({ ...attributes, mode: text("nearest"), nearest_mode: text(rounding) })),
    { ...attributes, mode: text("linear") },
    { ...attributes, mode: text("cubic") },
    { ...attributes, mode: text("cubic"), cubic_coeff_a: float(-0.5), exclude_outside: int(1) },
  ];
});

const show = (attributes: Attributes): string =>
  Object.values(attributes)
    .map(({ value }) => value)
    .join(", ");

interface Target {
  readonly size: readonly [number, number];
  readonly to: { readonly scales: readonly [number, number] } | { readonly sizes: readonly [number, number] };
}

const TARGETS: Target[] = [
  { size: [3, 4], to: { scales: [2, 2] } },
  { size: [4, 3], to: { scales: [3, 4] } },
  { size: [3, 5], to: { scales: [2.3, 1.7] } },
  { size: [7, 10], to: { scales: [0.5, 0.3] } },
  { size: [3, 3], to: { sizes: [7, 11] } },
  { size: [9, 8], to: { sizes: [4, 5] } },
  { size: [4, 6], to: { sizes: [4, 9] } },
  { size: [1, 5], to: { sizes: [6, 1] } },
];

function resized(x: Value, { to }: Target, attributes: Attributes): Value {
  if ("sizes" in to) {
    return single(
      Resize,
      [x, undefined, undefined, x.graph.integers([...x.shape.slice(0, 2), ...to.sizes])],
      attributes,
    );
  }
  const scales = x.graph.constant(Float32Array.of(1, 1, ...to.scales), [4]);
  return single(Resize, [x, undefined, scales], attributes);
}

const name = (target: Target): string => `[${target.size}] by ${JSON.stringify(target.to)}`;

testShapes(
  family,
  {
    Resize: [
      ...each(TARGETS, (w, _, target) => {
        w.graph.output("y", resized(w.input([1, 2, ...target.size]), target, {}));
      }),
      (w, operator) =>
        w.apply(operator, [w.input([1, 2, 5]), undefined, w.graph.constant(Float32Array.of(1, 1, 1.5), [3])]),
    ],
  },
  [
    [
      "scales that are computed",
      (w) => w.apply(Resize, [w.input([1, 2, 3, 3]), undefined, w.input([4])]),
      /^Resize\(.*its scales or sizes must be known/,
    ],
    [
      "the channels",
      (w) => w.apply(Resize, [w.input([1, 2, 3, 3]), undefined, undefined, w.integers(1, 4, 3, 3)]),
      /^Resize\(.*only positions are resized/,
    ],
    [
      "the number of axes",
      (w) => w.apply(Resize, [w.input([1, 2, 3, 3]), undefined, undefined, w.integers(3, 3)]),
      /^Resize\(.*2 scales or sizes for 4 axes/,
    ],
    [
      "antialiasing",
      (w) =>
        w.apply(Resize, [w.input([1, 2, 3, 3]), undefined, undefined, w.integers(1, 2, 6, 6)], { antialias: int(1) }),
      /^Resize\(.*antialias is not supported/,
    ],
    [
      "a region of interest",
      (w) =>
        w.apply(Resize, [w.input([1, 2, 3, 3]), undefined, undefined, w.integers(1, 2, 6, 6)], {
          coordinate_transformation_mode: text("tf_crop_and_resize"),
        }),
      /^Resize\(.*coordinate_transformation_mode tf_crop_and_resize is not supported; half_pixel, pytorch_half_pixel/,
    ],
  ],
);

const cases: GradientCase[] = WAYS.flatMap((attributes) =>
  TARGETS.map((target) => ({
    name: `${show(attributes)}: ${name(target)}`,
    step: 0.5,
    inputs: [{ shape: [1, 2, ...target.size] }],
    build: ([x]) => resized(x as Value, target, attributes),
  })),
);

testGradients(family, {
  Resize: [
    ...cases,
    {
      name: "nearest by a whole number, of a batch",
      step: 0.5,
      inputs: [{ shape: [2, 3, 2, 3] }],
      build: ([x]) => resizeNearest(x as Value, 3),
    },
  ],
});

/** x resized along both axes, by the weights that the gradient has. */
function byWeights(x: Float32Array, [, , height, width]: Shape, node: Node): number[] {
  const attributes = node.attributes;
  const value = (key: string, otherwise: string) => (attributes[key]?.value ?? otherwise) as never;
  const sampling = {
    mode: value("mode", "nearest"),
    transform: value("coordinate_transformation_mode", "half_pixel"),
    rounding: value("nearest_mode", "round_prefer_floor"),
    coefficient: (attributes.cubic_coeff_a?.value ?? -0.75) as number,
    excludeOutside: attributes.exclude_outside?.value === 1,
  };
  const scales = node.inputs[2]?.data as Float32Array | undefined;
  const [rows, columns] = [height, width].map((inputs, i) => {
    const outputs = node.outputs[0]?.shape[2 + i] as number;
    return sampledAxis(sampling, {
      inputs: inputs as number,
      outputs,
      scale: scales?.[2 + i] ?? Math.fround(outputs / (inputs as number)),
    });
  });
  return (rows ?? []).flatMap((down) =>
    (columns ?? []).map((across) => {
      let total = 0;
      for (const [i, a] of down) for (const [j, b] of across) total += a * b * (x[i * (width as number) + j] as number);
      return total;
    }),
  );
}

describe("the weights of a resize", () => {
  const random = new Random(7);
  const targets: Target[] = [
    ...TARGETS,
    ...Array.from({ length: 30 }, (_, i): Target => {
      const size = [random.integer(1, 12), random.integer(1, 12)] as const;
      const pair = (pick: () => number) => [pick(), pick()] as const;
      if (i % 2 === 0) return { size, to: { sizes: pair(() => random.integer(1, 30)) } };
      return { size, to: { scales: pair(() => 1 + random.integer(0, 40) / 10) } };
    }),
  ];

  it.each(WAYS.map((attributes) => [show(attributes), attributes] as const))(
    "are the engine's: %s",
    async (_, attributes) => {
      const graph = new Graph("resizes");
      const values = targets.map(({ size }, i) => graph.input(`x${i}`, [1, 1, ...size]));
      const feeds = values.map((x) => random.floats(elements(x.shape), -1, 1));
      values.forEach((x, i) => {
        graph.output(`y${i}`, resized(x, targets[i] as Target, attributes));
      });
      const outputs = await evaluate(
        graph,
        Object.fromEntries(values.map((x, i) => [x.name, tensor(x.shape, feeds[i] as Float32Array)])),
      );
      values.forEach((x, i) => {
        const engine = floats(outputs, `y${i}`);
        const node = graph.nodes[i] as Node;
        const ours = byWeights(feeds[i] as Float32Array, x.shape, node);
        const worst = Math.max(...ours.map((value, at) => Math.abs(value - (engine[at] as number))));
        expect(worst, name(targets[i] as Target)).toBeLessThan(1e-5);
      });
    },
  );
});

describe("the reach of a resize", () => {
  const POINT = { step: 1, low: 0, high: 0 };
  const reach = (y: Value) => y.producer?.operator.reach?.(y.producer, [[POINT, POINT]]);
  const graph = new Graph("reach");
  const x = graph.input("x", [1, 2, 8, 8]);

  it("is a pixel's own where it is repeated", () => {
    expect(reach(resizeNearest(x, 4))).toEqual(Array(2).fill({ step: 0.25, low: -0.75, high: 0 }));
  });

  it("is as wide as the kernel", () => {
    const sizes = graph.integers([1, 2, 16, 16]);
    expect(reach(resizeTo(x, sizes))).toEqual(Array(2).fill({ step: 0.5, low: -1, high: 0.5 }));
    const cubic = { mode: text("cubic") };
    expect(reach(resized(x, { size: [8, 8], to: { scales: [2, 2] } }, cubic))).toEqual(
      Array(2).fill({ step: 0.5, low: -2, high: 1.5 }),
    );
  });

  it("is everything where pixels are tied to a grid or to the image's size", () => {
    expect(reach(resizeTo(x, graph.integers([1, 2, 12, 12])))).toBe("all");
    expect(reach(resizeTo(x, graph.integers([1, 2, 4, 4])))).toBe("all");
    const corners = { mode: text("linear"), coordinate_transformation_mode: text("align_corners") };
    expect(reach(resized(x, { size: [8, 8], to: { scales: [2, 2] } }, corners))).toBe("all");
  });
});
