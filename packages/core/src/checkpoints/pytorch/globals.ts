import { CheckpointError } from "../../errors.js";
import { printable } from "../printable.js";
import { Opaque, type PickleHandler, PickleObject, type PickleValue, refusal } from "./pickle-values.js";
import { Storage, type StorageFormat, TensorView, viewStorage } from "./tensors.js";

/**
 * The names that mean something. Everything else becomes an `Opaque`, and nothing is ever run: each of these stands for a few
 * lines here that rebuild data.
 */
const REBUILDERS: Readonly<Record<string, (torch: TorchObjects, args: PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": (torch, [pairs]) => torch.orderedDictionary(pairs),
  "torch.Size": (_, [sizes]) => sizes ?? [],
  "torch._utils._rebuild_tensor": (torch, args) => torch.tensor(args),
  "torch._utils._rebuild_tensor_v2": (torch, args) => torch.tensor(args),
  "torch._utils._rebuild_parameter": (torch, [data]) => torch.parameter(data),
  "torch._utils._rebuild_parameter_with_state": (torch, [data]) => torch.parameter(data),
  // Tensors with attributes, and of subclasses: (function, class, arguments, state)
  "torch._tensor._rebuild_from_type_v2": (torch, [rebuild = null, , args]) =>
    torch.call(rebuild, Array.isArray(args) ? args : []),
  // Until 0.3, parameters and tensors were made empty and then given their state
  "torch.nn.parameter.Parameter": (_, [data]) => new Shell(data instanceof TensorView ? data : undefined),
  ...Object.fromEntries(
    ["Float", "Half", "Double"].flatMap((type) => [
      [`torch.${type}Tensor`, () => new Shell(undefined)],
      [`torch.cuda.${type}Tensor`, () => new Shell(undefined)],
    ]),
  ),
};

const STORAGE_FORMATS: Readonly<Record<string, StorageFormat>> = Object.fromEntries(
  Object.entries({
    Float: { bytes: 4, float: "F32" },
    Half: { bytes: 2, float: "F16" },
    BFloat16: { bytes: 2, float: "BF16" },
    Double: { bytes: 8, float: "F64" },
    Long: { bytes: 8, float: undefined },
    Int: { bytes: 4, float: undefined },
    Short: { bytes: 2, float: undefined },
    Char: { bytes: 1, float: undefined },
    Byte: { bytes: 1, float: undefined },
    Bool: { bytes: 1, float: undefined },
    ComplexFloat: { bytes: 8, float: undefined },
    ComplexDouble: { bytes: 16, float: undefined },
    QInt8: { bytes: 1, float: undefined },
    QUInt8: { bytes: 1, float: undefined },
    QInt32: { bytes: 4, float: undefined },
  } satisfies Record<string, StorageFormat>).flatMap(([type, format]) => [
    [`torch.${type}Storage`, format],
    [`torch.cuda.${type}Storage`, format],
    ...(type === "Byte" ? [["torch.storage.UntypedStorage", format] as const] : []),
  ]),
);

/** Pairs that all OrderedDict calls of one file may copy; the list could be named again and again. */
const MAX_PAIRS = 1_000_000;

/** One of the names above. */
class Global extends PickleObject {
  constructor(readonly name: string) {
    super();
  }
}

/** A tensor that is yet to be given its state. */
class Shell extends PickleObject {
  constructor(public tensor: TensorView | undefined) {
    super();
  }
}

/** The tensor that a value of the pickle is, if it is one. */
export function asTensor(value: PickleValue | undefined): TensorView | undefined {
  if (value instanceof Shell) return value.tensor;
  return value instanceof TensorView ? value : undefined;
}

/** What PyTorch's names, calls and persistent ids mean. Holds every storage that the pickle refers to. */
export class TorchObjects implements PickleHandler {
  /** By key, as first referred to: the legacy format takes the element size from there. */
  readonly storages = new Map<string, Storage>();
  private pairs = 0;

  constructor(private readonly file: string) {}

  lookUp(module: string, name: string): PickleObject {
    const path = `${module}.${name}`;
    if (Object.hasOwn(REBUILDERS, path) || Object.hasOwn(STORAGE_FORMATS, path)) return new Global(path);
    return new Opaque(printable(path, 200));
  }

  call(callee: PickleValue, args: PickleValue[]): PickleValue {
    if (callee instanceof Opaque) return new Opaque(callee.name, args.flat().some(holdsElements));
    if (!(callee instanceof Global)) throw refusal(this.file, "call something that is not a function");
    const rebuild = Object.hasOwn(REBUILDERS, callee.name) ? REBUILDERS[callee.name] : undefined;
    if (!rebuild) throw refusal(this.file, `call ${callee.name}`);
    return rebuild(this, args);
  }

  setState(object: PickleValue, state: PickleValue): void {
    // Attributes, such as a state dictionary's _metadata
    if (object instanceof Map || object instanceof Opaque) return;
    if (!(object instanceof Shell)) {
      const what = object instanceof Global ? object.name : "something that is not a tensor";
      throw refusal(this.file, `set the state of ${what}`);
    }
    if (!Array.isArray(state)) return;
    const tensor = asTensor(state[0]);
    if (tensor) object.tensor = tensor;
    else if (state[0] instanceof Storage) object.tensor = asTensor(this.tensor(state));
  }

  persistent(id: PickleValue): PickleValue {
    if (Array.isArray(id) && id[0] === "module" && id[1] instanceof Opaque) return id[1];
    if (!Array.isArray(id) || id[0] !== "storage") return new Opaque("persistent object");
    const [, type, rawKey, , length, view] = id;
    const format = type instanceof Global ? STORAGE_FORMATS[type.name] : undefined;
    const key = typeof rawKey === "number" ? String(rawKey) : rawKey;
    if (type instanceof Opaque) return new Opaque(type.name, true);
    if (!format || typeof key !== "string" || !isLength(length)) throw this.damaged("a storage that is not described");
    const whole = new Storage(key, format, 0, length);
    if (!this.storages.has(key)) this.storages.set(key, whole);
    return Array.isArray(view) ? this.partOf(whole, view) : whole;
  }

  orderedDictionary(pairs: PickleValue | undefined): PickleValue {
    const dictionary = new Map<PickleValue, PickleValue>();
    if (!Array.isArray(pairs)) return dictionary;
    this.pairs += pairs.length;
    if (this.pairs > MAX_PAIRS) throw this.damaged(`dictionaries of more than ${MAX_PAIRS} entries`);
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) throw this.damaged("a dictionary that is not made of pairs");
      dictionary.set(pair[0] as PickleValue, pair[1] as PickleValue);
    }
    return dictionary;
  }

  tensor([storage, offset, shape, strides]: PickleValue[]): PickleValue {
    if (storage instanceof Opaque) return new Opaque(storage.name, true);
    const view = viewStorage(storage, offset, shape, strides);
    if (typeof view === "string") throw this.damaged(view);
    return view;
  }

  parameter(data: PickleValue | undefined): PickleValue {
    if (data instanceof Opaque) return data;
    const tensor = asTensor(data);
    if (!tensor) throw this.damaged("a parameter without a tensor");
    return tensor;
  }

  /** The legacy format's storage views: (key of the view, offset, length). */
  private partOf(whole: Storage, [, offset, length]: PickleValue[]): Storage {
    if (!isLength(offset) || !isLength(length) || offset + length > whole.length) {
      throw this.damaged(`a view that reaches beyond storage ${printable(whole.key)}`);
    }
    return new Storage(whole.key, whole.format, offset, length);
  }

  private damaged(what: string): CheckpointError {
    return new CheckpointError(`${this.file} is damaged: it has ${what}`);
  }
}

function holdsElements(value: PickleValue): boolean {
  return value instanceof Storage || asTensor(value) !== undefined || (value instanceof Opaque && value.ofTensor);
}

function isLength(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
