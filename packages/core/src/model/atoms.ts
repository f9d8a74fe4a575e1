/** All channels of images: they are never dropped. */
export const IMAGE = 0;

/** Numbers that are merged as sums, products and shuffles tie channels together (union-find with path halving). */
export class Atoms {
  readonly #parent: number[] = [IMAGE];

  fresh(count: number): number[] {
    return Array.from({ length: count }, () => this.#parent.push(this.#parent.length) - 1);
  }

  find(atom: number): number {
    let at = atom;
    for (let up = this.#parent[at] as number; up !== at; up = this.#parent[at] as number) {
      this.#parent[at] = this.#parent[up] as number;
      at = up;
    }
    return at;
  }

  unite(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
  }
}
