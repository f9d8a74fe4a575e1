import { type UnzipFileInfo, unzipSync } from "fflate";
import { CheckpointError, SlimsrError } from "../../errors.js";
import { printable } from "../printable.js";
import { TorchObjects } from "./globals.js";
import { runPickle } from "./pickle.js";
import type { TorchFile } from "./read.js";

const MAX_RECORDS = 100_000;

/** PyTorch 1.6's format: a zip archive of stored records NAME/data.pkl, NAME/data/KEY, NAME/byteorder. */
export function openArchive(bytes: Uint8Array, file: string): TorchFile {
  const names = new Set<string>();
  const heads = unzip(bytes, file, ({ name }) => {
    if (names.has(name)) throw new CheckpointError(`${file} is damaged: its record ${printable(name)} is there twice`);
    if (names.size === MAX_RECORDS) throw new CheckpointError(`${file} has more than ${MAX_RECORDS} records`);
    names.add(name);
    return /^[^/]+\/(data\.pkl|byteorder)$/.test(name);
  });
  const pickles = [...heads.keys()].filter((name) => name.endsWith("/data.pkl"));
  const [pickleName] = pickles;
  if (pickleName === undefined || pickles.length > 1) {
    throw new CheckpointError(`${file} is a zip archive, but not one of PyTorch's: it has ${pickles.length} data.pkl`);
  }
  const folder = pickleName.slice(0, -"data.pkl".length);
  if (names.has(`${folder}constants.pkl`)) {
    throw new CheckpointError(
      `${file} is a TorchScript program; save the model's weights with torch.save(model.state_dict(), path)`,
    );
  }
  refuseBigEndian(heads.get(`${folder}byteorder`), file);

  const objects = new TorchObjects(file);
  const root = runPickle(heads.get(pickleName) as Uint8Array, 0, file, objects).value;
  return {
    root,
    readStorages(keys) {
      const records = unzip(bytes, file, ({ name }) => keys.has(storageKey(name, folder)));
      return new Map([...records].map(([name, record]) => [storageKey(name, folder), record]));
    },
  };
}

/** The stored records that `wanted` picks, copied; together they may not exceed the file, however they overlap. */
function unzip(bytes: Uint8Array, file: string, wanted: (record: UnzipFileInfo) => boolean): Map<string, Uint8Array> {
  const sizes = new Map<string, number>();
  let total = 0;
  let records: Record<string, Uint8Array>;
  try {
    records = unzipSync(bytes, {
      filter(record) {
        if (!wanted(record)) return false;
        if (record.compression !== 0 || record.size !== record.originalSize) {
          throw new CheckpointError(
            `${file}: its record ${printable(record.name)} is compressed, which PyTorch's never are; ` +
              "unpack the archive and pack it again with zip -0",
          );
        }
        total += record.size;
        if (total > bytes.length) throw new CheckpointError(`${file} is damaged: its records overlap`);
        sizes.set(record.name, record.size);
        return true;
      },
    });
  } catch (error) {
    if (error instanceof SlimsrError) throw error;
    throw new CheckpointError(`${file} is a damaged zip archive; is it cut off?`, { cause: error });
  }
  for (const [name, size] of sizes) {
    if (records[name]?.length !== size) {
      throw new CheckpointError(`${file} is damaged: its record ${printable(name)} is cut off`);
    }
  }
  return new Map(Object.entries(records));
}

function storageKey(name: string, folder: string): string {
  const prefix = `${folder}data/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}

function refuseBigEndian(record: Uint8Array | undefined, file: string): void {
  if (record && new TextDecoder().decode(record).trim() === "big") {
    throw new CheckpointError(`${file} was written on a big-endian machine; save it again on a little-endian one`);
  }
}
