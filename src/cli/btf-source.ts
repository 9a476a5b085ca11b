import { Btf } from "../btf/index.ts";
import { type BpfCommands, btfInfo, progInfo } from "../sys/index.ts";
import { Errno } from "../uapi/index.ts";
import { readBtfFile, SYSFS_VMLINUX, statusOf } from "./btf-file.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { attempt, onlyOne, openMaps, openPrograms } from "./handles.ts";
import { withKernel } from "./kernel-choice.ts";

/** Types that a kernel holds, and which of them were asked for (none: all). */
export interface KernelTypes {
  readonly btf: Btf;
  readonly roots: readonly number[];
}

/** The types of a BTF object of the kernel: by its id, or those of a map or of a program. */
export async function kernelBtf(invocation: Invocation, kind: "map" | "prog" | "id"): Promise<KernelTypes> {
  return await withKernel(invocation, "linux", async ({ sys }) => {
    const { id, roots } = whichBtf(invocation, sys, kind);
    return { btf: await btfById(invocation, sys, id), roots };
  });
}

function whichBtf(
  { words }: Invocation,
  sys: BpfCommands,
  kind: "map" | "prog" | "id",
): { readonly id: number; readonly roots: readonly number[] } {
  if (kind === "id") return { id: words.id("ID"), roots: [] };
  words.need(2);
  if (kind === "prog") {
    const fd = onlyOne(openPrograms(sys, words), "programs");
    return { id: attempt("can't get prog info", () => progInfo(sys, fd)).btfId, roots: [] };
  }
  const { info } = onlyOne(openMaps(sys, words), "maps");
  const { btfId: id, btfKeyTypeId: key, btfValueTypeId: value } = info;
  if (words.accept("key")) return { id, roots: [key] };
  if (words.accept("value")) return { id, roots: [value] };
  if (words.accept("all")) return { id, roots: [] };
  words.accept("kv");
  return { id, roots: [key, value] };
}

/** The BTF object with an id; a module's stands on the kernel's types. */
async function btfById({ io, options }: Invocation, sys: BpfCommands, id: number): Promise<Btf> {
  const basePath = options.value("base-btf");
  const fd = attempt(`get btf by id (${id})`, () => {
    try {
      return sys.btfGetFdById({ id });
    } catch (error) {
      throw withStatus(error, id);
    }
  });
  const { btf, kernelBtf, name } = attempt("can't get BTF object info", () => btfInfo(sys, fd));
  let base: Btf | undefined;
  if (basePath !== undefined) base = await readBtfFile(io, basePath);
  else if (kernelBtf && name !== "vmlinux") base = await readBtfFile(io, SYSFS_VMLINUX);
  return Btf.parse(btf, { what: `BTF ${id}`, ...(base === undefined ? {} : { base }) });
}

function withStatus(error: unknown, id: number): unknown {
  const { errno } = error as { errno?: number };
  if (errno !== Errno.ENOENT) return error;
  return new CommandError(`get btf by id (${id}): No such file or directory`, {
    status: statusOf(errno),
    cause: error,
  });
}
