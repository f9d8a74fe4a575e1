import type { Operator } from "../packages/core/src/graph/index.js";
import { PERMITTED_OPERATORS } from "../packages/core/src/onnx/permitted-operators.js";
import { NEWEST_OPSET, OLDEST_OPSET } from "../packages/core/src/onnx/reader.js";
import { OPSET_VERSION } from "../packages/core/src/onnx/schema.js";
import { isReadable } from "../packages/core/src/onnx/versions/index.js";
import { OWN_DOMAIN } from "../packages/core/src/operators/declare.js";
import { isDeclared, OPERATORS } from "../packages/core/src/operators/index.js";
import { type Column, renderTable } from "../packages/slimsr/src/text/table.js";

/** Read where the graph is built: their value, or the branch that they take, stands in their place. */
const READ_AT_ONCE = ["Constant", "If"];

const NONE = "–";
const OF_PARTS = "of its parts";

/** Whether it tells of sizes alone, which no channel or pixel is a part of. */
const isOfSizes = ({ elementwise, evaluate, gradient }: Operator): boolean =>
  gradient === "stops" && evaluate !== undefined && !elementwise;

/** What isn't declared is known of the others that an operator is made of when a file is read. */
const undeclared = ({ decompose }: Operator, otherwise: string): string => (decompose ? OF_PARTS : otherwise);

function gradientOf(operator: Operator): string {
  const { gradient } = operator;
  if (gradient === undefined) return undeclared(operator, "no");
  return gradient === "stops" ? "stops" : "yes";
}

function channelsOf(operator: Operator): string {
  const { channels, selection } = operator;
  if (isOfSizes(operator)) return NONE;
  if (channels === undefined) return undeclared(operator, "pins");
  if (selection) return "followed, selects";
  return typeof channels === "string" ? channels : "followed";
}

function reachOf(operator: Operator): string {
  const { elementwise, reach } = operator;
  if (isOfSizes(operator)) return NONE;
  if (elementwise) return "its pixel";
  return reach ? "computed" : undeclared(operator, "all pixels");
}

const costOf = ({ cost }: Operator): string => (cost ? (cost.ofWeights ? "a layer's" : "products") : NONE);

const COLUMNS: readonly Column<Operator>[] = [
  { title: "operator", value: ({ name, domain }) => (domain === "" ? name : `${domain}: ${name}`) },
  { title: "gradient", value: gradientOf },
  { title: "channels", value: channelsOf },
  { title: "reach", value: reachOf },
  { title: "cost", value: costOf },
  { title: "contents", value: ({ evaluate }) => (evaluate ? "computed" : NONE) },
];

const byName = (a: string, b: string): number => (a.toLowerCase() < b.toLowerCase() ? -1 : 1);

/** docs/operators.md, of what operators declare. */
export function operatorsPage(): string {
  const ofFiles = OPERATORS.filter(({ domain }) => domain !== OWN_DOMAIN).sort((a, b) => byName(a.name, b.name));
  const permitted = [...PERMITTED_OPERATORS].map((name) => {
    const [domain, operator] = name.split(":") as [string, string];
    return { domain, operator };
  });
  const isRead = (each: (typeof permitted)[number]) => READ_AT_ONCE.includes(each.operator) || isReadable(each);
  const names = (list: typeof permitted) =>
    list
      .map(({ operator }) => operator)
      .sort(byName)
      .join(", ");
  const rewritten = permitted.filter((each) => isRead(each) && !isDeclared(each.operator, each.domain));
  const runOnly = permitted.filter((each) => !isRead(each));
  return `# Operators

<!-- npm run operators writes this page: change the declarations in packages/core/src/operators/, not the page. -->

What is known of ONNX's operators, as they are declared ([how to add one](adding-an-operator.md)). Networks in ONNX files of opset ${OLDEST_OPSET} to
${NEWEST_OPSET} are read; they are written in opset ${OPSET_VERSION}. Older and newer forms of an operator are read as that opset's. Of each operator the shapes of the outputs
are known.

- **gradient**: \`yes\`; \`stops\`: what comes out counts as a constant; \`no\`: what lies before it can't be trained through it; \`of its parts\`:
  the operator is made of others when a file is read, and theirs count.
- **channels**: what may be done to the channels that it acts on. \`linear\`: any invertible mixture; \`scaling\`: any order, and positive
  factors; \`permutation\`: any order; \`followed\`: a rule of its own says which channels come out, \`selects\` where it may hand on some
  of them; \`pins\`: its effect isn't known, so that the channels which reach it stay, all of them ([which that is](networks.md#what-is-pinned)).
- **reach**: which pixels an output pixel depends on: \`its pixel\`, a window that is \`computed\`, or \`all pixels\`, where images aren't tiled as a
  matter of course.
- **cost**: multiply-accumulates: \`a layer's\`, whose weights count as parameters, or other \`products\`.
- **contents**: \`computed\` where the inputs' are known: arithmetic of shapes follows the images' sizes, and then pins nothing.

${renderTable(COLUMNS, ofFiles, "markdown")}
Read as others: ${names(rewritten)}.

Measured, but not slimmed or trained, are networks with these, which the engine runs as they are: ${names(runOnly)}.

Files with any other operator are refused ([why](decisions/21-files-of-others.md)).
`;
}
