import { BpfMapFlag, BpfMapType, mapTypeNames } from "../../../../src/uapi/index.ts";
import type { CaseMap, VerifierCase } from "../../../verifier/support/verifier-case.ts";
import type { Random } from "../../random.ts";
import type { Change } from "./mutate.ts";

const SIZES = [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 256] as const;
const ENTRIES = [0, 1, 2, 3, 4, 8, 16, 64, 4096] as const;
const FLAGS = [
  BpfMapFlag.NO_PREALLOC,
  BpfMapFlag.RDONLY_PROG,
  BpfMapFlag.WRONLY_PROG,
  BpfMapFlag.MMAPABLE,
  BpfMapFlag.INNER_MAP,
  BpfMapFlag.RDONLY,
  BpfMapFlag.WRONLY,
] as const;
/** Maps of a fixed number of bytes, which would be large. */
const LARGE: ReadonlySet<number> = new Set([BpfMapType.ARENA]);

/** Another type, other sizes or flags of one of the maps; its elements are left out. */
export function mapChange(random: Random, test: VerifierCase): Change | null {
  const at = random.below(test.maps.length);
  const change = (what: string, fields: Partial<CaseMap>): Change => ({
    what: `map ${at}: ${what}`,
    apply: (before) => {
      const map = before.maps[at];
      return map === undefined ? before : { ...before, maps: before.maps.with(at, { ...map, ...fields }) };
    },
  });
  const map = test.maps[at]!;
  switch (random.below(7)) {
    case 0: {
      const type = 1 + random.below(mapTypeNames.length - 1);
      return LARGE.has(type) ? null : change(mapTypeNames[type]!, { type, elements: [], programs: [] });
    }
    case 1: {
      const keySize = random.pick(SIZES);
      return change(`key ${keySize}`, { keySize, elements: [] });
    }
    case 2: {
      const valueSize = random.pick(SIZES);
      return change(`value ${valueSize}`, { valueSize, elements: [] });
    }
    case 3: {
      const maxEntries = random.pick(ENTRIES);
      return change(`entries ${maxEntries}`, { maxEntries, elements: [] });
    }
    case 4: {
      const flag = random.pick(FLAGS);
      return change(`flag ${flag}`, { flags: map.flags ^ flag, elements: [] });
    }
    case 5:
      return change("no types", { types: null });
    default:
      return change("frozen", { frozen: !map.frozen });
  }
}
