/** What options are given as text: each reads one, or says what it must be. */
import { InvalidArgumentError } from "commander";
import type { Budget } from "../slimming/budgets/allocate.js";

const integer =
  (pattern: RegExp, kind: string) =>
  (text: string): number => {
    if (!pattern.test(text)) throw new InvalidArgumentError(`It must be ${kind}.`);
    return Number(text);
  };

export const wholeNumber = integer(/^\d{1,15}$/, "a whole number from 0");

export const positiveInteger = integer(/^[1-9]\d{0,14}$/, "a positive whole number");

/** How many there are of something that is held in memory: below a million. */
export const count = integer(/^[1-9]\d{0,5}$/, "a whole number from 1");

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a positive number.");
}

export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number, such as 0.1.");
}

export function oneOf<Choice extends string | number>(choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((each) => String(each) === text);
    if (choice === undefined) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return choice;
  };
}

/** What commas separate, each once. */
const listOf = <T>(text: string, read: (part: string) => T): T[] => [...new Set(text.split(",").map(read))];

export function numbers(text: string): number[] {
  const list = listOf(text, Number);
  if (text !== "" && list.every(Number.isFinite)) return list;
  throw new InvalidArgumentError("It must be numbers with commas between, such as 0,1.");
}

/** Widths of networks, as an option with this example takes them. */
export const widths =
  (example: string) =>
  (text: string): number[] => {
    const list = listOf(text, Number);
    if (list.every((width) => width > 0 && width <= 1)) return list;
    throw new InvalidArgumentError(`Widths are shares of the channels above 0 and up to 1, such as ${example}.`);
  };

/** Whole factors that images are reduced by. */
export function scales(text: string): number[] {
  const list = listOf(text, (part) => positiveInteger(part.trim()));
  if (list.includes(1)) throw new InvalidArgumentError("A scale must be 2 or more.");
  return list;
}

/** "4x": that many times fewer parameters. */
export function reduction(text: string): Budget {
  const factor = Number(/^(\d+(?:\.\d+)?)x?$/i.exec(text)?.[1]);
  if (factor >= 1) return { of: "parameters", share: 1 / factor };
  throw new InvalidArgumentError("It must be a factor from 1, such as 4x.");
}

/** "25%" of the multiply-accumulates. */
export function percentage(text: string): Budget {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100;
  if (share > 0 && share <= 1) return { of: "macs", share };
  throw new InvalidArgumentError("It must be a percentage above 0 and up to 100, such as 25%.");
}
