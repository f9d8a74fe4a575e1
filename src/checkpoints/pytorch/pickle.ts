import { CheckpointError } from "../../errors.js";

/** What a handler makes: globals, storages, tensors. The machine only passes them on. */
export abstract class PickleObject {}

/** Lists and tuples are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** Gives meaning to what a pickle names. Each throws `refusal(…)` for what isn't allowed. */
export interface PickleHandler {
  /** The object that a module's name stands for. */
  lookUp(module: string, name: string): PickleObject;
  /** The result of calling such an object: REDUCE, NEWOBJ, INST and OBJ. */
  call(callee: PickleValue, args: PickleValue[]): PickleValue;
  /** Give an object its state: BUILD. */
  setState(object: PickleValue, state: PickleValue): void;
  /** The object that a persistent id stands for. */
  persistent(id: PickleValue): PickleValue;
}

/** The error for a pickle that asks for more than data. `what` completes "the file asks to …". */
export function refusal(file: string, what: string): CheckpointError {
  return new CheckpointError(
    `${file} refuses to load: the file asks to ${what}. Only tensors in plain dictionaries are read and nothing is ` +
      "executed; if you trust the file, save its weights alone with torch.save(model.state_dict(), path)",
  );
}

/** Ten thousand tensors with an optimiser's state need about as many; bounds time and memory. */
const MAX_INSTRUCTIONS = 1_000_000;

/** Integers of PyTorch's files fit 10 bytes. */
const MAX_INTEGER_BYTES = 16;

const STOP = 0x2e;

/**
 * Run one pickle (protocol 2 to 5, as torch.save writes them) and return its value and where it ends.
 *
 * The pickle is a program for a stack machine; this one can build nothing but data. Its memory is in proportion to
 * the bytes read, its objects may be cyclic.
 * https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the instructions.
 */
export function runPickle(
  bytes: Uint8Array,
  start: number,
  file: string,
  handler: PickleHandler,
): { value: PickleValue; end: number } {
  return new PickleMachine(bytes, start, file, handler).run();
}

class PickleMachine {
  private readonly stack: PickleValue[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly view: DataView;
  private readonly text = new TextDecoder();

  constructor(
    private readonly bytes: Uint8Array,
    private position: number,
    private readonly file: string,
    private readonly handler: PickleHandler,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  run(): { value: PickleValue; end: number } {
    for (let count = 0; count < MAX_INSTRUCTIONS; count++) {
      const code = this.uint8();
      if (code === STOP) return { value: this.pop(), end: this.position };
      const instruction = INSTRUCTIONS.get(code);
      if (!instruction) throw this.damaged(`the unknown instruction 0x${code.toString(16).padStart(2, "0")}`);
      instruction(this);
    }
    throw this.damaged(`more than the ${MAX_INSTRUCTIONS} instructions that are run`);
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  uint64(): number {
    return Number(this.view.getBigUint64(this.advance(8), true));
  }

  /** Pickles alone are big-endian here. */
  float64(): number {
    return this.view.getFloat64(this.advance(8), false);
  }

  take(length: number): Uint8Array {
    const begin = this.advance(length);
    return this.bytes.subarray(begin, begin + length);
  }

  utf8(length: number): string {
    return this.text.decode(this.take(length));
  }

  /** Text of Python 2, which is bytes. */
  latin1(length: number): string {
    return String.fromCharCode(...this.take(length));
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) throw this.damaged("a line that doesn't end");
    const line = this.utf8(end - this.position);
    this.position = end + 1;
    return line;
  }

  /** Two's complement, little-endian. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw this.damaged(`an integer of ${length} bytes`);
    let value = 0n;
    this.take(length).forEach((byte, i) => {
      value |= BigInt(byte) << BigInt(8 * i);
    });
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }

  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.damaged("an empty stack");
    return this.stack.pop() as PickleValue;
  }

  top(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.damaged("an empty stack");
    return this.stack.at(-1) as PickleValue;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  /** Everything above the last mark. */
  popToMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.damaged("a missing mark");
    return this.stack.splice(mark);
  }

  popTuple(length: number): PickleValue[] {
    const items = Array.from({ length }, () => this.pop());
    return items.reverse();
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  /** MEMOIZE numbers by how many were remembered before. */
  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) throw this.damaged(`the memo's missing entry ${key}`);
    this.push(value);
  }

  extend(items: PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.damaged("an append to something that is not a list");
    for (const item of items) list.push(item);
  }

  setItems(items: PickleValue[]): void {
    const dictionary = this.top();
    if (!(dictionary instanceof Map)) throw this.damaged("an assignment into something that is not a dictionary");
    fillMap(dictionary, items, () => this.damaged("a key without a value"));
  }

  pushDictionary(items: PickleValue[]): void {
    this.push(fillMap(new Map(), items, () => this.damaged("a key without a value")));
  }

  lookUp(module: PickleValue, name: PickleValue): PickleObject {
    if (typeof module !== "string" || typeof name !== "string") throw this.damaged("a global without a name");
    return this.handler.lookUp(module, name);
  }

  call(callee: PickleValue, args: PickleValue): void {
    if (!Array.isArray(args)) throw this.damaged("a call whose arguments are not a tuple");
    this.push(this.handler.call(callee, args));
  }

  build(): void {
    const state = this.pop();
    this.handler.setState(this.top(), state);
  }

  persistent(id: PickleValue): void {
    this.push(this.handler.persistent(id));
  }

  refuse(what: string): never {
    throw refusal(this.file, what);
  }

  private advance(length: number): number {
    const begin = this.position;
    if (length > this.bytes.length - begin) throw this.damaged("an end before its time; is it cut off?");
    this.position = begin + length;
    return begin;
  }

  private damaged(what: string): CheckpointError {
    return new CheckpointError(`${this.file} is damaged: its pickle has ${what} (at byte ${this.position})`);
  }
}

function fillMap(
  map: Map<PickleValue, PickleValue>,
  items: PickleValue[],
  unpaired: () => CheckpointError,
): Map<PickleValue, PickleValue> {
  if (items.length % 2 !== 0) throw unpaired();
  for (let i = 0; i < items.length; i += 2) map.set(items[i] as PickleValue, items[i + 1] as PickleValue);
  return map;
}

/** What each instruction does; text ones of protocol 0, which torch.save cannot write, are left out. */
const INSTRUCTIONS: ReadonlyMap<number, (machine: PickleMachine) => void> = new Map([
  // Framing
  [0x80, (m) => void m.uint8()], // PROTO
  [0x95, (m) => void m.uint64()], // FRAME
  // Stack
  [code("("), (m) => m.mark()],
  [code("0"), (m) => void m.pop()],
  [code("1"), (m) => void m.popToMark()],
  [code("2"), (m) => m.push(m.top())],
  // Memo
  [code("q"), (m) => m.remember(m.uint8())], // BINPUT
  [code("r"), (m) => m.remember(m.uint32())], // LONG_BINPUT
  [0x94, (m) => m.rememberNext()], // MEMOIZE
  [code("h"), (m) => m.recall(m.uint8())], // BINGET
  [code("j"), (m) => m.recall(m.uint32())], // LONG_BINGET
  // Constants
  [code("N"), (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [code("K"), (m) => m.push(m.uint8())], // BININT1
  [code("M"), (m) => m.push(m.uint16())], // BININT2
  [code("J"), (m) => m.push(m.int32())], // BININT
  [0x8a, (m) => m.push(m.integer(m.uint8()))], // LONG1
  [0x8b, (m) => m.push(m.integer(m.uint32()))], // LONG4
  [code("G"), (m) => m.push(m.float64())], // BINFLOAT
  [code("U"), (m) => m.push(m.latin1(m.uint8()))], // SHORT_BINSTRING
  [0x8c, (m) => m.push(m.utf8(m.uint8()))], // SHORT_BINUNICODE
  [code("X"), (m) => m.push(m.utf8(m.uint32()))], // BINUNICODE
  [0x8d, (m) => m.push(m.utf8(m.uint64()))], // BINUNICODE8
  [code("T"), (m) => m.push(m.take(m.uint32()))], // BINSTRING
  [code("C"), (m) => m.push(m.take(m.uint8()))], // SHORT_BINBYTES
  [code("B"), (m) => m.push(m.take(m.uint32()))], // BINBYTES
  [0x8e, (m) => m.push(m.take(m.uint64()))], // BINBYTES8
  [0x96, (m) => m.push(m.take(m.uint64()))], // BYTEARRAY8
  // Containers; a set is read as a list
  [code(")"), (m) => m.push([])],
  [0x85, (m) => m.push(m.popTuple(1))],
  [0x86, (m) => m.push(m.popTuple(2))],
  [0x87, (m) => m.push(m.popTuple(3))],
  [code("t"), (m) => m.push(m.popToMark())],
  [code("]"), (m) => m.push([])],
  [code("l"), (m) => m.push(m.popToMark())],
  [code("a"), (m) => m.extend([m.pop()])],
  [code("e"), (m) => m.extend(m.popToMark())],
  [0x8f, (m) => m.push([])], // EMPTY_SET
  [0x90, (m) => m.extend(m.popToMark())], // ADDITEMS
  [0x91, (m) => m.push(m.popToMark())], // FROZENSET
  [code("}"), (m) => m.push(new Map())],
  [code("d"), (m) => m.pushDictionary(m.popToMark())],
  [code("s"), (m) => m.setItems(m.popTuple(2))],
  [code("u"), (m) => m.setItems(m.popToMark())],
  // Objects
  [code("c"), (m) => m.push(m.lookUp(m.line(), m.line()))], // GLOBAL
  [
    0x93, // STACK_GLOBAL
    (m) => {
      const [module, name] = m.popTuple(2);
      m.push(m.lookUp(module ?? null, name ?? null));
    },
  ],
  [
    code("R"), // REDUCE
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ],
  [
    0x81, // NEWOBJ
    (m) => {
      const args = m.pop();
      m.call(m.pop(), args);
    },
  ],
  [code("b"), (m) => m.build()],
  [code("Q"), (m) => m.persistent(m.pop())], // BINPERSID
  [code("i"), (m) => m.call(m.lookUp(m.line(), m.line()), m.popToMark())], // INST
  [
    code("o"), // OBJ
    (m) => {
      const [callee, ...args] = m.popToMark();
      m.call(callee ?? null, args);
    },
  ],
  // What torch.save has no use for
  [0x92, (m) => m.refuse("call something with keyword arguments (NEWOBJ_EX)")],
  [0x82, (m) => m.refuse(`use the registered extension ${m.uint8()}`)], // EXT1
  [0x83, (m) => m.refuse(`use the registered extension ${m.uint16()}`)], // EXT2
  [0x84, (m) => m.refuse(`use the registered extension ${m.int32()}`)], // EXT4
  [0x97, (m) => m.refuse("use a buffer from outside the file (NEXT_BUFFER)")],
]);

function code(character: string): number {
  return character.charCodeAt(0);
}
