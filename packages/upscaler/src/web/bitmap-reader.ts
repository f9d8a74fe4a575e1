/** Reads rows of a bitmap: red, green, blue and alpha, not premultiplied. */
export class BitmapReader {
  readonly #bitmap: ImageBitmap;
  #canvas: OffscreenCanvasRenderingContext2D | undefined;
  #textures: WebGL2RenderingContext | undefined | null;

  constructor(bitmap: ImageBitmap) {
    this.#bitmap = bitmap;
  }

  /** A canvas premultiplies, which costs colours whatever alpha doesn't show of them; a texture doesn't. */
  async read(top: number, rows: number): Promise<Uint8ClampedArray> {
    const data = this.#fromCanvas(top, rows);
    for (let at = 3; at < data.length; at += 4) {
      if (data[at] !== 255) return (await this.#fromTextures(top, rows)) ?? data;
    }
    return data;
  }

  #fromCanvas(top: number, rows: number): Uint8ClampedArray {
    const { width } = this.#bitmap;
    if (!this.#canvas || this.#canvas.canvas.height < rows) {
      this.#canvas = context(width, rows);
      this.#canvas.globalCompositeOperation = "copy";
    }
    this.#canvas.drawImage(this.#bitmap, 0, top, width, rows, 0, 0, width, rows);
    return this.#canvas.getImageData(0, 0, width, rows).data;
  }

  /** Undefined where the browser has no WebGL. */
  async #fromTextures(top: number, rows: number): Promise<Uint8ClampedArray | undefined> {
    if (this.#textures === undefined) this.#textures = new OffscreenCanvas(1, 1).getContext("webgl2");
    const gl = this.#textures;
    if (!gl || gl.isContextLost()) return undefined;
    const { width } = this.#bitmap;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    const data = new Uint8ClampedArray(width * rows * 4);
    for (let y = 0; y < rows; y += most) {
      for (let x = 0; x < width; x += most) {
        const [columns, lines] = [Math.min(most, width - x), Math.min(most, rows - y)];
        const part = await createImageBitmap(this.#bitmap, x, top + y, columns, lines, { premultiplyAlpha: "none" });
        const pixels = pixelsOfTexture(gl, part);
        part.close();
        for (let line = 0; line < lines; line++) {
          data.set(pixels.subarray(line * columns * 4, (line + 1) * columns * 4), ((y + line) * width + x) * 4);
        }
      }
    }
    return data;
  }
}

function context(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const created = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!created) throw new TypeError(`the browser has no canvas of ${width}×${height}`);
  return created;
}

function pixelsOfTexture(gl: WebGL2RenderingContext, bitmap: ImageBitmap): Uint8Array {
  const { width, height } = bitmap;
  const texture = gl.createTexture();
  const framebuffer = gl.createFramebuffer();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const pixels = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  gl.deleteFramebuffer(framebuffer);
  gl.deleteTexture(texture);
  return pixels;
}
