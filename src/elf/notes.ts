import { ByteReader, cString, type Endian } from "../base/index.ts";
import type { ElfNote, ElfSection } from "./model.ts";

/**
 * Reads the notes in `data` (`Elf64_Nhdr`: name size, description size, type; each part padded).
 *
 * `alignment` is the section's or segment's: 8 pads to 8 bytes (`.note.gnu.property`), all else to 4.
 */
export function readNotes(
  data: Uint8Array,
  endian: Endian,
  alignment: number,
  section: ElfSection | undefined,
): ElfNote[] {
  const pad = alignment === 8 ? 8 : 4;
  const what = section === undefined ? "ELF note segment" : `ELF section ${section.name}`;
  const r = new ByteReader(data, { endian, what });
  const notes: ElfNote[] = [];
  // Linkers may leave padding after the last note that is too short for another.
  while (r.remaining >= 12) {
    const nameSize = r.u32();
    const descriptionSize = r.u32();
    const type = r.u32();
    const name = cString(r.take(nameSize));
    padTo(r, pad);
    const description = r.take(descriptionSize);
    padTo(r, pad);
    notes.push({ name, type, description, section });
  }
  return notes;
}

/** Skips padding; the last note of a file may lack its own. */
function padTo(r: ByteReader, alignment: number): void {
  r.skip(Math.min(-r.offset & (alignment - 1), r.remaining));
}
