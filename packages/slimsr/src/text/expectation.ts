import * as z from "zod";

/** A schema as plain data, of which this is what is read here. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  /** What a text must be, where that isn't just any. */
  readonly expected?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

export const jsonSchema = (schema: z.core.$ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;

/** "--res-scale" for "resScale". */
export const flagOf = (key: string): string => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What a value must be: "a whole number from 1 to 256", "cpu, webgpu or cuda". */
export function expectation(schema: JsonSchema): string {
  const { type, expected, enum: choices, const: only, items, prefixItems, minItems = 0, maxItems } = schema;
  if (expected !== undefined) return expected;
  if (only !== undefined) return String(only);
  if (choices) return new Intl.ListFormat("en-GB", { type: "disjunction" }).format(choices.map(String));
  switch (type) {
    case "integer":
      return `a whole number${bounds(schema)}`;
    case "number":
      return `a number${bounds(schema)}`;
    case "boolean":
      return "true or false";
    case "array": {
      const each = prefixItems?.[0] ?? items ?? {};
      const count = prefixItems ? prefixItems.length : minItems === maxItems ? minItems : undefined;
      return `a list of ${count === undefined ? "" : `${count}, each `}${expectation(each)}`;
    }
    case "object":
      return "an object";
    default:
      return "text that isn't empty";
  }
}

/**
 * What is wrong with a value, by its name: "threads must be a whole number from 1 to 256, not 1000".
 * @param input the whole that the issue's path leads through
 * @param nameOf what the place of a value is called
 */
export function complaint(
  { code, message, path }: z.core.$ZodIssue,
  schema: z.core.$ZodType,
  input: unknown,
  nameOf = (at: string) => at,
): string {
  const name = nameOf(path.join("."));
  if (code === "custom") return name === "" ? message : `${name}: ${message}`;
  let found: JsonSchema | undefined = jsonSchema(schema);
  let value = input;
  for (const key of path) {
    found = found && inside(found, key, value);
    value = (value as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key];
  }
  if (!found) return `${name}: ${message}`;
  if (value === undefined) return `${name} is missing: ${found.description ?? expectation(found)}`;
  return `${name} must be ${expectation(found)}, not ${(JSON.stringify(value) ?? String(value)).slice(0, 80)}`;
}

/** The schema of what stands under a key; of alternatives, that which the value's tags name. */
function inside(schema: JsonSchema, key: PropertyKey, value: unknown): JsonSchema | undefined {
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives) {
    const tagged = alternatives.filter(({ properties = {} }) =>
      Object.entries(properties).every(
        ([tag, { const: only }]) =>
          only === undefined || (value as Readonly<Record<string, unknown>> | undefined)?.[tag] === only,
      ),
    );
    const found = (tagged.length > 0 ? tagged : alternatives).flatMap((each) => inside(each, key, value) ?? []);
    return found.length > 1 && found.every((each) => each.const !== undefined)
      ? { enum: found.map((each) => each.const) }
      : found[0];
  }
  if (typeof key === "number") return schema.prefixItems?.[key] ?? schema.items;
  return schema.properties?.[String(key)];
}

/** What JSON schema has for any integer. */
const ANY = Number.MAX_SAFE_INTEGER;

/** " from 1 to 256", " above 0 and up to 1". */
function bounds({ minimum = -ANY, maximum = ANY, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const sides = [
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(minimum > -ANY ? [`from ${minimum}`] : []),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
    ...(maximum < ANY ? [`up to ${maximum}`] : []),
  ];
  if (minimum > -ANY && maximum < ANY) return ` from ${minimum} to ${maximum}`;
  return sides.length === 0 ? "" : ` ${sides.join(" and ")}`;
}
