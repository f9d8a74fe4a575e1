/** A model that ships with this package, as one file of one or several qualities. */
export interface ShippedModel {
  /** What it is loaded by. */
  readonly name: string;
  readonly file: string;
  readonly task: "super-resolution" | "restoration";
  readonly scale: number;
  readonly qualities: readonly number[];
  readonly licence: string;
  /** What images it is for. */
  readonly purpose: string;
}

export const SHIPPED_MODELS: readonly ShippedModel[] = [
  {
    name: "photo-x2",
    file: "photo-x2.safetensors",
    task: "super-resolution",
    scale: 2,
    qualities: [1, 0.5, 0.25],
    licence: "Apache-2.0",
    purpose: "photographs that are sharp and clean: as cameras save them, or reduced from larger ones",
  },
  {
    name: "photo-x2-fast",
    file: "photo-x2-fast.safetensors",
    task: "super-resolution",
    scale: 2,
    qualities: [1],
    licence: "Apache-2.0",
    purpose:
      "photographs as for photo-x2, in a third of the time at nearly its quality: half of its channels, trained by themselves",
  },
  {
    name: "jpeg-x2",
    file: "jpeg-x2.safetensors",
    task: "super-resolution",
    scale: 2,
    qualities: [1, 0.5, 0.25],
    licence: "Apache-2.0",
    purpose: "photographs that were compressed much, whose blocks would be sharpened otherwise",
  },
  {
    name: "photo-x4",
    file: "photo-x4.safetensors",
    task: "super-resolution",
    scale: 4,
    qualities: [1, 0.5, 0.25],
    licence: "Apache-2.0",
    purpose: "small clean photographs, four times as large",
  },
  {
    name: "photo-x4-fast",
    file: "photo-x4-fast.safetensors",
    task: "super-resolution",
    scale: 4,
    qualities: [1],
    licence: "Apache-2.0",
    purpose:
      "photographs as for photo-x4, in a third of the time at nearly its quality: half of its channels, trained by themselves",
  },
];

export const DEFAULT_MODEL = "photo-x2";

export const shippedModel = (name: string): ShippedModel | undefined =>
  SHIPPED_MODELS.find((each) => each.name === name);
