export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One of a square's eight symmetries: mirrored along its diagonal or not, and flipped along x and y or not. */
export interface Symmetry {
  readonly transposed: boolean;
  readonly flippedX: boolean;
  readonly flippedY: boolean;
}
