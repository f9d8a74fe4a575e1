/**
 * JSON knows no infinity, which is the PSNR of an image that equals its truth. Wherever JSON is written here such a number is the text
 * "Infinity"; where it is read back, what is called `psnr` is a number again.
 */

/** Text of a value. @param indent spaces a level; all in one line where left out */
export const toJson = (value: unknown, indent?: number): string => JSON.stringify(value, finiteOrText, indent);

/** The value of a text, which may begin with a byte-order mark. @throws SyntaxError where it is no JSON */
export const fromJson = (text: string): unknown => JSON.parse(text.replace(/^\uFEFF/, ""), numberAgain);

/** A value as JSON can hold it. */
export const jsonValue = (value: unknown): unknown => JSON.parse(toJson(value));

const finiteOrText = (_: string, value: unknown): unknown =>
  value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY ? String(value) : value;

const numberAgain = (key: string, value: unknown): unknown =>
  key === "psnr" && (value === "Infinity" || value === "-Infinity") ? Number(value) : value;
