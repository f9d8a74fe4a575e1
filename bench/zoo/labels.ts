/** The width at which students are compared with the network's first channels as they lie. */
export const SLICED_WIDTH = 0.5;

/** What records call a student that is made without training. */
export const slimmedLabel = (width: number): string => `width ${width}`;

export const SLICED_LABEL = `first channels, width ${SLICED_WIDTH}`;

/** What records call one that is trained. */
export const trainedLabel = (width: number, steps: number): string => `${slimmedLabel(width)}, ${steps} steps`;
