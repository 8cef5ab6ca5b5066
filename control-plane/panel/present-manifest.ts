import type { DeletionManifest } from "../lifecycle/endings/deletion-manifest.ts";
import type { Locale } from "./locale.ts";

/** A deletion's manifest in words; names of schemas, keys and hosts stay as they are. */
export function presentManifest(locale: Locale, manifest: DeletionManifest) {
  const { archive } = manifest;
  return {
    ...manifest,
    removed: manifest.removed.map((entry) => ({
      ...entry,
      title: locale.text(`resource.${entry.resource}`),
      about: locale.text(`removed.${entry.resource}`),
    })),
    archive: archive && { ...archive, size: locale.bytes(archive.bytes) },
  };
}
