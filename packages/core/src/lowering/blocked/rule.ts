import type { Node, Value } from "../../graph/index.js";
import type { Layouts } from "./layouts.js";

/** Who reads a value: nodes, and undefined for the graph's outputs. */
export type Readers = (value: Value) => readonly (Node | undefined)[];

/** Writes a node for the blocked layout; false where it is better left in NCHW. */
export type BlockedRule = (node: Node, layouts: Layouts, readersOf: Readers) => boolean;
