/** A number as JSON can hold it: JSON knows no infinity, which is the PSNR of identical images. */
export function jsonNumber(value: number): number | "Infinity" {
  return value === Number.POSITIVE_INFINITY ? "Infinity" : value;
}
