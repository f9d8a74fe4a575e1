export interface EncodeOptions {
  /** 1..100, of JPEG, WebP and AVIF. Default 95. */
  readonly quality?: number;
  /** Chroma of JPEG: at full resolution, or at half along both sides. Default 4:4:4. */
  readonly chroma?: "4:4:4" | "4:2:0";
  /** WebP and AVIF without loss. PNG, TIFF and BMP always are. Default false. */
  readonly lossless?: boolean;
}

/** Milliseconds of each frame, and how often all are shown, 0 for without end. */
export interface Animation {
  readonly delays: readonly number[];
  readonly loop: number;
}
