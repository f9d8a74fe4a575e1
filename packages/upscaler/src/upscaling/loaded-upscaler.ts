import type { DeploymentCost } from "@slimsr/core/internal/export/deployment.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import type { Device } from "../engine/session.js";
import type { OutputSize } from "./output-size.js";
import type { PixelUpscaler, UpscaleOptions, UpscalingWork } from "./pixel-upscaler.js";

/** What an upscaler is on every platform: a loaded model. */
export abstract class LoadedUpscaler {
  protected constructor(
    /** What the model is called. */
    readonly name: string,
    protected readonly pixels: PixelUpscaler,
  ) {}

  /** Output pixels for an input pixel along a side. */
  get scale(): number {
    return this.pixels.scale;
  }

  /** Shares of the full network's channels that the file was made for, from the best. */
  get qualities(): readonly number[] {
    return this.pixels.qualities;
  }

  /** That of images which don't say another. */
  get quality(): number {
    return this.pixels.quality;
  }

  /** Parameters of a quality's network, and multiply-accumulates for a 1280×720 output; null where its operators aren't known here. */
  costOf(quality = this.quality): Pick<DeploymentCost, "parameters" | "macs"> | null {
    return this.pixels.costOf(quality);
  }

  /**
   * What it takes to make an image of a size larger.
   * @throws UsageError for sizes and qualities that aren't possible
   */
  workOf(image: Size, options: OutputSize & Pick<UpscaleOptions, "quality"> = {}): Promise<UpscalingWork> {
    return this.pixels.workOf(image, options);
  }

  /** Where the network really runs. */
  get device(): Device {
    return this.pixels.device;
  }

  /** Ends the engine; images that are under way are finished first. */
  dispose(): Promise<void> {
    return this.pixels.dispose();
  }
}
