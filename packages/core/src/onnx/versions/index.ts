import { isDeclared } from "../../operators/index.js";
import type { FileNode, Upgrade } from "../node.js";
import { axesAsAttribute, axesAsInput, padsAsInputs, partsAsInput, rangesAsInputs } from "./axes.js";
import { constantOfShape } from "./constants.js";
import { averagePool, boundsAsInputs, broadcasting, cast, castLike, dropout, reshape, softmax } from "./functions.js";
import { batchNormalization } from "./normalisation.js";
import { resize, upsample } from "./resize.js";

const each = (names: string, upgrade: Upgrade): [string, Upgrade][] => names.split(" ").map((name) => [name, upgrade]);

/** How nodes of older and newer opsets are said in the one that graphs are written in, by operator. */
const UPGRADES: ReadonlyMap<string, Upgrade> = new Map([
  ...each("Squeeze Unsqueeze ReduceSum", axesAsInput),
  ...each(
    "ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp",
    axesAsAttribute,
  ),
  ...each("Add Sub Mul Div Pow And Or Equal Greater Less", broadcasting),
  ...each("Softmax LogSoftmax", softmax),
  ["Split", partsAsInput],
  ["Slice", rangesAsInputs],
  ["Pad", padsAsInputs],
  ["Clip", boundsAsInputs],
  ["Dropout", dropout],
  ["Upsample", upsample],
  ["Resize", resize],
  ["Reshape", reshape],
  ["AveragePool", averagePool],
  ["BatchNormalization", batchNormalization],
  ["Cast", cast],
  ["CastLike", castLike],
  ["ConstantOfShape", constantOfShape],
]);

export const upgraded: Upgrade = (node, opset, graph) =>
  (node.domain === "" ? UPGRADES.get(node.operator)?.(node, opset, graph) : undefined) ?? node;

/** Whether a graph can hold the operator, or one that says the same. */
export const isReadable = ({ operator, domain }: Pick<FileNode, "operator" | "domain">): boolean =>
  (domain === "" && UPGRADES.has(operator)) || isDeclared(operator, domain);
