import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Linux' counters of the processors' energy, where they are there and may be read. */
const COUNTERS = "/sys/class/powercap";

/** Measures what a run takes: time, and energy where the machine tells. */
export class Meters {
  #since = performance.now();
  readonly #packages = energyCounters();
  #energy = this.#packages.map(({ read }) => read());

  /** Seconds and joules since the last call; joules are null where they can't be read. */
  take(): { seconds: number; joules: number | null } {
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    this.#since = now;
    const energy = this.#packages.map(({ read }) => read());
    const used = energy.map((value, i) => {
      const before = this.#energy[i] as number;
      return value >= before ? value - before : value - before + (this.#packages[i]?.range ?? 0);
    });
    this.#energy = energy;
    return { seconds, joules: used.length > 0 ? used.reduce((a, b) => a + b, 0) / 1e6 : null };
  }
}

/** Counters in microjoules that begin again at `range`. */
function energyCounters(): { read: () => number; range: number }[] {
  try {
    const packages = readdirSync(COUNTERS).filter((name) => /^intel-rapl:\d+$/.test(name));
    return packages.map((name) => {
      const value = (file: string) => Number(readFileSync(join(COUNTERS, name, file), "utf8"));
      value("energy_uj");
      return { read: () => value("energy_uj"), range: value("max_energy_range_uj") };
    });
  } catch {
    return [];
  }
}
