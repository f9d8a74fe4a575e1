/** How far some numbers are from others. */
export interface Difference {
  readonly largest: number;
  /** The root of the mean square. */
  readonly rms: number;
}

/** @param others as many lists as `some`, each as long */
export function differenceBetween(some: readonly Float32Array[], others: readonly Float32Array[]): Difference {
  let [squares, count, largest] = [0, 0, 0];
  some.forEach((data, i) => {
    data.forEach((value, at) => {
      const difference = Math.abs(value - (others[i]?.[at] as number));
      squares += difference ** 2;
      largest = Math.max(largest, difference);
    });
    count += data.length;
  });
  return { rms: Math.sqrt(squares / Math.max(1, count)), largest };
}
