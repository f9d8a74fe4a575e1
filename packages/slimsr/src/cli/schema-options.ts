import { InvalidArgumentError } from "commander";
import * as z from "zod";
import { expectation, jsonSchema } from "../text/expectation.js";

/** "<number>", as usage shows the argument; nothing for a switch. */
export function argumentOf(schema: z.core.$ZodType): string {
  const { type, enum: named, const: only } = jsonSchema(schema);
  const choices = named ?? (only === undefined ? undefined : [only]);
  if (choices) return ` <${choices.join("|")}>`;
  switch (type) {
    case "boolean":
      return "";
    case "array":
      return " <list>";
    case "integer":
    case "number":
      return " <number>";
    default:
      return " <text>";
  }
}

/** An option's text as the schema's type; what is no number stays text, and the schema says so. */
export function typedValue(value: unknown, schema: z.core.$ZodType): unknown {
  if (typeof value !== "string") return value;
  const { type, enum: choices } = jsonSchema(schema);
  const number = (text: string) => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text);
  if (type === "array") return value.split(",").map(number);
  const numeric = type === "integer" || type === "number" || choices?.some((choice) => typeof choice === "number");
  return numeric ? number(value) : value;
}

/** As `typedValue`. @throws InvalidArgumentError saying what it must be */
export function checkedValue(text: string, schema: z.core.$ZodType): unknown {
  const { success, data } = z.safeParse(schema, typedValue(text, schema));
  if (!success) throw new InvalidArgumentError(`It must be ${expectation(jsonSchema(schema))}.`);
  return data;
}
