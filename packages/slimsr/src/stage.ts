export type OnImage = (done: number, total: number) => void;

/** Shows a piece of work that comes before or after training, such as decoding images: `label` and what is counted. */
export type Stage = <T>(label: string, unit: string, work: (onProgress: OnImage) => Promise<T>) => Promise<T>;

/** Shows nothing. */
export const silent: Stage = (_label, _unit, work) => work(() => undefined);
