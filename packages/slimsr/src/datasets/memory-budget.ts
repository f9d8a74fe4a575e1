/** Bytes that work under way may take all together; what finds no room waits, in order. Work that takes more than all runs alone. */
export class MemoryBudget {
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  constructor(private readonly bytes: number) {
    this.#free = bytes;
  }

  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(bytes, this.bytes);
    await new Promise<void>((begin) => {
      this.#waiting.push({ bytes: taken, begin });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#free += taken;
      this.#admit();
    }
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first && first.bytes <= this.#free; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.begin();
    }
  }
}
