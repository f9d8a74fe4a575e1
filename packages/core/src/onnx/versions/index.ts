import { isDeclared } from "../../operators/index.js";
import type { FileNode, Upgrade } from "../node.js";
import { constantOfShape } from "./constants.js";

/** How nodes of older and newer opsets are said in the one that graphs are written in, by operator. */
const UPGRADES: ReadonlyMap<string, Upgrade> = new Map(Object.entries({ ConstantOfShape: constantOfShape }));

export const upgraded: Upgrade = (node, opset, graph) =>
  (node.domain === "" ? UPGRADES.get(node.operator)?.(node, opset, graph) : undefined) ?? node;

/** Whether a graph can hold the operator, or one that says the same. */
export function isReadable({ operator, domain }: Pick<FileNode, "operator" | "domain">): boolean {
  return (domain === "" && UPGRADES.has(operator)) || isDeclared(operator, domain);
}
