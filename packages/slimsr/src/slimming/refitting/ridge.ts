/** Positions for each unknown below which least squares follow what happens to be in the data. */
const FEW_POSITIONS = 10;

/** The ridge, or a stronger one where so many unknowns are told by few positions, as behind a global pooling. */
export const ridgeFor = (ridge: number, unknowns: number, positions: number): number =>
  positions < FEW_POSITIONS * unknowns ? Math.max(ridge, unknowns / positions) : ridge;
