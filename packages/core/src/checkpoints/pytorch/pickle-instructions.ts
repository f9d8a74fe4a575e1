import type { PickleMachine } from "./pickle-machine.js";
import { Opaque } from "./pickle-values.js";

/** What each instruction does; text ones of protocol 0, which torch.save cannot write, are left out. */
export const INSTRUCTIONS: ReadonlyMap<number, (machine: PickleMachine) => void> = new Map([
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
  [
    0x92, // NEWOBJ_EX, whose keyword arguments no rebuilder takes
    (m) => {
      const [callee, args] = m.popTuple(3);
      m.call(callee ?? null, args ?? null);
    },
  ],
  [0x82, (m) => m.push(new Opaque(`registered extension ${m.uint8()}`))], // EXT1
  [0x83, (m) => m.push(new Opaque(`registered extension ${m.uint16()}`))], // EXT2
  [0x84, (m) => m.push(new Opaque(`registered extension ${m.int32()}`))], // EXT4
  [0x97, (m) => m.refuse("use a buffer from outside the file (NEXT_BUFFER)")],
]);

function code(character: string): number {
  return character.charCodeAt(0);
}
