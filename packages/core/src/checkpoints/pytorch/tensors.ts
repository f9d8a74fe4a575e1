import { elements } from "../../graph/types.js";
import type { FloatElements, FloatFormat } from "../floats.js";
import { printable } from "../printable.js";
import { PickleObject, type PickleValue } from "./pickle-values.js";

/** What the elements of a PyTorch storage are; `float` is undefined for integers, which are never decoded. */
export interface StorageFormat {
  readonly bytes: number;
  readonly float: FloatFormat | undefined;
}

/** A pickle's reference to a storage. Its bytes lie elsewhere in the file, under its key. */
export class Storage extends PickleObject {
  constructor(
    readonly key: string,
    readonly format: StorageFormat,
    /** First element, within the bytes under the key. */
    readonly offset: number,
    readonly length: number,
  ) {
    super();
  }
}

/** A strided view of a storage, checked to lie within it. A stride of 0 repeats elements, as expanded tensors do. */
export class TensorView extends PickleObject {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }

  get isContiguous(): boolean {
    let step = 1;
    for (let axis = this.shape.length - 1; axis >= 0; axis--) {
      const size = this.shape[axis] as number;
      if (size !== 1 && this.strides[axis] !== step) return false;
      step *= size;
    }
    return true;
  }

  /** Equal for views that read the same elements in the same order. */
  get identity(): string {
    return [this.storage.key, this.storage.offset + this.offset, this.shape.join("×"), this.strides.join(",")].join(
      ":",
    );
  }
}

/** PyTorch allows 64. */
const MAX_RANK = 16;

/**
 * A view of `shape` over `storage` with `strides`, all in elements; or what is wrong with it, as text. The lists are copied: the
 * pickle may change its own afterwards.
 */
export function viewStorage(
  storage: PickleValue | undefined,
  offset: PickleValue | undefined,
  shape: PickleValue | undefined,
  strides: PickleValue | undefined,
): TensorView | string {
  if (!(storage instanceof Storage)) return "a tensor without a storage";
  if (!isSizes(shape) || !isSizes(strides) || shape.length !== strides.length || !isSize(offset)) {
    return "a tensor whose offset, shape or strides are not numbers that fit together";
  }
  if (elements(shape) === 0) return new TensorView(storage, 0, [...shape], [...strides]);
  const last = shape.reduce((index, size, axis) => index + (size - 1) * (strides[axis] as number), offset);
  if (!(last < storage.length)) {
    return `a tensor that reaches element ${last} of storage ${printable(storage.key)}, which has ${storage.length}`;
  }
  return new TensorView(storage, offset, [...shape], [...strides]);
}

/** Copy the view's elements in row-major order. */
export function gather(view: TensorView, stored: FloatElements): Float32Array {
  const start = view.storage.offset + view.offset;
  const count = elements(view.shape);
  if (count === 0) return new Float32Array(0);
  if (view.isContiguous) return stored.range(start, start + count);
  const floats = new Float32Array(count);
  const index = view.shape.map(() => 0);
  let source = start;
  for (let i = 0; i < count; i++) {
    floats[i] = stored.at(source);
    for (let axis = index.length - 1; axis >= 0; axis--) {
      const [size, stride] = [view.shape[axis] as number, view.strides[axis] as number];
      const next = (index[axis] as number) + 1;
      index[axis] = next === size ? 0 : next;
      source += next === size ? -(size - 1) * stride : stride;
      if (next !== size) break;
    }
  }
  return floats;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);
}
