import {
  DATA_TYPES,
  type DataType,
  type Evaluation,
  type EvaluationRule,
  elements,
  type Shape,
  type TensorData,
  type TensorType,
  type Value,
} from "../graph/index.js";

/** Contents of outputs from those of inputs: what sizes and weights are computed with. */

/** A rule for what can be told only where all inputs' contents are known. */
export const ofContents =
  (
    rule: (evaluation: Evaluation, contents: readonly TensorData[]) => readonly (TensorData | undefined)[],
  ): EvaluationRule =>
  (evaluation) => {
    const { inputs, contents } = evaluation;
    return inputs.every((value, i) => !value || contents[i]) ? rule(evaluation, contents as readonly TensorData[]) : [];
  };

/** Row-major steps of the axes. */
export function stepsOf(shape: Shape): number[] {
  const steps = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    steps[axis] = (steps[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return steps;
}

/** The sums of one offset of each list, in row-major order: flat indices, where offsets along axes are given. */
export function flatIndices(offsets: readonly (readonly number[])[]): Uint32Array {
  let indices = Uint32Array.of(0);
  for (const along of offsets) {
    const next = new Uint32Array(indices.length * along.length);
    indices.forEach((start, i) => {
      along.forEach((offset, j) => {
        next[i * along.length + j] = start + offset;
      });
    });
    indices = next;
  }
  return indices;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** For each element of `output`, the flat index of the element of `shape` that is repeated there. */
export function broadcastIndices(shape: Shape, output: Shape): Uint32Array {
  const steps = stepsOf(shape);
  const missing = output.length - shape.length;
  const offsets = output.map((size, axis) => {
    const step = axis < missing || shape[axis - missing] === 1 ? 0 : (steps[axis - missing] as number);
    return range(size).map((i) => i * step);
  });
  return flatIndices(offsets);
}

/** The elements at the given indices. */
export function pick(data: TensorData, indices: Uint32Array): TensorData {
  const picked = emptyLike(data, indices.length);
  indices.forEach((from, to) => {
    picked[to] = data[from] as never;
  });
  return picked;
}

export const emptyLike = (data: TensorData, length: number): TensorData =>
  new (data.constructor as new (length: number) => TensorData)(length);

/** A content as numbers; undefined for halves, which are held as bits, and for integers past 2⁵³. */
export function numbersIn(data: TensorData): ArrayLike<number> | undefined {
  if (data instanceof Uint16Array) return undefined;
  if (!(data instanceof BigInt64Array)) return data;
  const numbers = Float64Array.from(data, Number);
  return numbers.every(Number.isSafeInteger) ? numbers : undefined;
}

const INTEGERS: Partial<Record<DataType, readonly [number, number]>> = {
  bool: [0, 1],
  uint8: [0, 255],
  int4: [-8, 7],
  int8: [-128, 127],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

export const isIntegral = (dtype: DataType): boolean => INTEGERS[dtype] !== undefined;

/** Numbers as a content; undefined where the type can't hold them. */
export function contentOfNumbers(numbers: Float64Array, dtype: DataType): TensorData | undefined {
  if (dtype === "float16" || dtype === "bfloat16") return undefined;
  const [least, most] = INTEGERS[dtype] ?? [];
  if (least !== undefined && most !== undefined) {
    if (!numbers.every((number) => Number.isInteger(number) && number >= least && number <= most)) return undefined;
  }
  if (dtype === "int64") return BigInt64Array.from(numbers, BigInt);
  const content = new DATA_TYPES[dtype].array(new ArrayBuffer(numbers.length * DATA_TYPES[dtype].bytes));
  (content as Exclude<TensorData, BigInt64Array>).set(numbers);
  return content;
}

/** A function of one element of each operand, which broadcast; `integral` tells whether the first operand's are integers. */
export const ofElements = (compute: (operands: readonly number[], integral: boolean) => number): EvaluationRule =>
  ofContents(({ inputs, outputs: [output] }, contents) => {
    const { dtype, shape } = output as TensorType;
    const operands = contents.map(numbersIn);
    const places = inputs.map((value) => broadcastIndices((value as Value).shape, shape));
    if (operands.some((numbers) => !numbers)) return [];
    const integral = isIntegral((inputs[0] as Value).dtype);
    const row = operands.map(() => 0);
    const result = new Float64Array(elements(shape)).map((_, at) => {
      for (let i = 0; i < row.length; i++) row[i] = operands[i]?.[places[i]?.[at] as number] as number;
      return compute(row, integral);
    });
    return [contentOfNumbers(result, dtype)];
  });

/** Of functions of one element. */
export const ofElement = (compute: (x: number) => number): EvaluationRule => ofElements(([x]) => compute(x as number));

/** Of functions of two. */
export const ofPair = (compute: (a: number, b: number, integral: boolean) => number): EvaluationRule =>
  ofElements(([a, b], integral) => compute(a as number, b as number, integral));

/** Of operators that leave the elements in their order. */
export const sameElements: EvaluationRule = ({ contents }) => [contents[0]];

/** Of operators each of whose output elements is one of the input's; `offsets` gives its place as a sum of one offset an axis. */
export const ofPlaces = (
  offsets: (evaluation: Evaluation, x: Value, output: TensorType) => readonly (readonly number[])[] | undefined,
): EvaluationRule =>
  ofContents((evaluation, [data]) => {
    const [x, output] = [evaluation.inputs[0] as Value, evaluation.outputs[0] as TensorType];
    const places = data && offsets(evaluation, x, output);
    return places ? [pick(data, flatIndices(places))] : [];
  });

/** Offsets along the axes of `shape`, those of `axis` replaced. */
export const offsetsWith = (shape: Shape, axis: number, positions: readonly number[]): number[][] => {
  const steps = stepsOf(shape);
  return shape.map((size, i) => (i === axis ? positions : range(size)).map((at) => at * (steps[i] as number)));
};
