/** Values of a template's indices. */
export type Indices = Readonly<Record<string, number>>;

/**
 * Names of layers with indices in braces: "body.{block}.conv1". "{block+1}" counts the same index from 1.
 */
export class NameTemplate {
  private readonly pattern: RegExp;
  private readonly counted: readonly { index: string; from: number }[];

  constructor(private readonly text: string) {
    this.counted = [...text.matchAll(PLACEHOLDER)].map(([, index = "", plus]) => ({ index, from: plus ? 1 : 0 }));
    this.pattern = new RegExp(`^${text.replaceAll(".", "\\.").replace(PLACEHOLDER, NUMBER)}$`);
  }

  /** The indices of a name of this form. */
  match(name: string): Indices | undefined {
    const numbers = this.pattern.exec(name)?.slice(1);
    if (!numbers) return undefined;
    const indices = this.counted.map(({ index, from }, i) => [index, Number(numbers[i]) - from] as const);
    return indices.every(([, value]) => value >= 0) ? Object.fromEntries(indices) : undefined;
  }

  /** The name with these indices. */
  fill(indices: Indices): string {
    return this.text.replace(PLACEHOLDER, (_, index: string, plus: string | undefined) =>
      String((indices[index] ?? Number.NaN) + (plus ? 1 : 0)),
    );
  }
}

const PLACEHOLDER = /\{(\w+)(\+1)?\}/g;
const NUMBER = "(0|[1-9]\\d{0,3})";
