/** Values of a template's indices. */
export type Indices = Readonly<Record<string, number>>;

/**
 * Names of layers with indices in braces: "body.{block}.conv1". "{block+1}" counts the same index from 1, "{layer*2}" by twos.
 */
export class NameTemplate {
  private readonly pattern: RegExp;
  private readonly counted: readonly { index: string; step: number; from: number }[];

  constructor(private readonly text: string) {
    this.counted = [...text.matchAll(PLACEHOLDER)].map(([, index = "", step = "1", from = "0"]) => ({
      index,
      step: Number(step),
      from: Number(from),
    }));
    this.pattern = new RegExp(`^${text.replaceAll(".", "\\.").replace(PLACEHOLDER, NUMBER)}$`);
  }

  /** The indices of a name of this form. */
  match(name: string): Indices | undefined {
    const numbers = this.pattern.exec(name)?.slice(1);
    if (!numbers) return undefined;
    const indices = this.counted.map(
      ({ index, step, from }, i) => [index, (Number(numbers[i]) - from) / step] as const,
    );
    return indices.every(([, value]) => Number.isInteger(value) && value >= 0)
      ? Object.fromEntries(indices)
      : undefined;
  }

  /** The name with these indices. */
  fill(indices: Indices): string {
    return this.text.replace(PLACEHOLDER, (_, index: string, step = "1", from = "0") =>
      String((indices[index] ?? Number.NaN) * Number(step) + Number(from)),
    );
  }
}

const PLACEHOLDER = /\{(\w+)(?:\*(\d))?(?:\+(\d))?\}/g;
const NUMBER = "(0|[1-9]\\d{0,3})";
