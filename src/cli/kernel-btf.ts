import { Btf } from "../btf/index.ts";
import { type BpfCommands, btfInfo, type MapInfo } from "../sys/index.ts";
import { attempt } from "./handles.ts";

/** The types that a program or a map of the kernel came with; null for the id 0. */
export function kernelBtfById(sys: BpfCommands, id: number): Btf | null {
  if (id === 0) return null;
  return attempt("failed to get btf", () => {
    const fd = sys.btfGetFdById({ id });
    const { btf } = btfInfo(sys, fd);
    sys.close(fd);
    return Btf.parse(btf, { what: `BTF ${id}` });
  });
}

/** Whether a map's values have a type. */
export function hasTypes({ btfId, btfValueTypeId, btfVmlinuxValueTypeId }: MapInfo): boolean {
  return btfId !== 0 && (btfValueTypeId !== 0 || btfVmlinuxValueTypeId !== 0);
}

/** The types of a map's keys and values; null where it has none. */
export function mapBtf(sys: BpfCommands, info: MapInfo): Btf | null {
  return hasTypes(info) ? kernelBtfById(sys, info.btfId) : null;
}
