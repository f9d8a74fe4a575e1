import {
  type Attributes,
  type EvaluationRule,
  elements,
  integersOf,
  intOr,
  intsOr,
  normaliseAxis,
  type TensorData,
  type TensorType,
  type Value,
} from "../graph/index.js";
import {
  broadcastIndices,
  emptyLike,
  flatIndices,
  ofContents,
  offsetsWith,
  ofPlaces,
  pick,
  stepsOf,
} from "./evaluation.js";

/** Contents that are other contents' elements in other places. */

const axisIn = (attributes: Attributes, rank: number): number => normaliseAxis(intOr(attributes, "axis", 0), rank) ?? 0;

export const transposedContent = ofPlaces(({ attributes }, { shape }, output) => {
  const steps = stepsOf(shape);
  const permutation = intsOr(attributes, "perm", shape.map((_, i) => i).reverse());
  return output.shape.map((size, i) =>
    Array.from({ length: size }, (_, at) => at * (steps[permutation[i] as number] ?? 0)),
  );
});

export const expandedContent: EvaluationRule = ofContents(({ inputs, outputs }, [data]) => [
  data && pick(data, broadcastIndices((inputs[0] as Value).shape, (outputs[0] as TensorType).shape)),
]);

export const tiledContent = ofPlaces((_, { shape }, output) => {
  const steps = stepsOf(shape);
  return output.shape.map((size, i) =>
    Array.from({ length: size }, (_, at) => (at % (shape[i] as number)) * (steps[i] as number)),
  );
});

export const slicedContent = ofPlaces(({ inputs }, { shape }, output) => {
  const [starts, , axes, steps] = [1, 2, 3, 4].map((i) => integersOf(inputs[i]));
  const first = shape.map(() => 0);
  const stride = shape.map(() => 1);
  starts?.forEach((start, i) => {
    const axis = normaliseAxis(axes?.[i] ?? i, shape.length) as number;
    const size = shape[axis] as number;
    const step = steps?.[i] ?? 1;
    first[axis] = Math.min(Math.max(start < 0 ? start + size : start, 0), step > 0 ? size : size - 1);
    stride[axis] = step;
  });
  const places = stepsOf(shape);
  return output.shape.map((size, i) =>
    Array.from(
      { length: size },
      (_, at) => ((first[i] as number) + at * (stride[i] as number)) * (places[i] as number),
    ),
  );
});

export const gatheredContent = ofPlaces(({ inputs, attributes }, { shape }) => {
  const axis = axisIn(attributes, shape.length);
  const size = shape[axis] as number;
  const indices = integersOf(inputs[1])?.map((index) => (index < 0 ? index + size : index));
  return indices?.every((index) => index >= 0 && index < size) ? offsetsWith(shape, axis, indices) : undefined;
});

export const splitContents: EvaluationRule = ofContents(({ inputs, attributes, outputs }, [data]) => {
  const { shape } = inputs[0] as Value;
  const axis = axisIn(attributes, shape.length);
  let start = 0;
  return outputs.map((output) => {
    const from = start;
    start += output.shape[axis] as number;
    const positions = Array.from({ length: output.shape[axis] as number }, (_, i) => from + i);
    return data && pick(data, flatIndices(offsetsWith(shape, axis, positions)));
  });
});

export const joinedContent: EvaluationRule = ofContents(({ inputs, attributes, outputs: [output] }, contents) => {
  const { shape } = output as TensorType;
  const axis = axisIn(attributes, shape.length);
  const rows = elements(shape.slice(0, axis));
  const joined = emptyLike(contents[0] as TensorData, elements(shape));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    inputs.forEach((value, i) => {
      const width = elements((value as Value).shape.slice(axis));
      joined.set((contents[i] as TensorData).subarray(row * width, (row + 1) * width) as never, at);
      at += width;
    });
  }
  return [joined];
});

/** What the condition takes, element by element, of two contents of any one type. */
export const chosenContent: EvaluationRule = ofContents(({ inputs, outputs: [output] }, contents) => {
  const { shape } = output as TensorType;
  const [condition, yes, no] = inputs.map((value, i) =>
    pick(contents[i] as TensorData, broadcastIndices((value as Value).shape, shape)),
  ) as [TensorData, TensorData, TensorData];
  const chosen = emptyLike(yes, elements(shape));
  for (let i = 0; i < chosen.length; i++) chosen[i] = (condition[i] ? yes : no)[i] as never;
  return [chosen];
});
