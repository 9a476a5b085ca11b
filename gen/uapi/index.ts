import { existsSync, readFileSync } from "node:fs";
import { Btf } from "../../src/btf/index.ts";
import type { Generated, Generator } from "../generator.ts";
import { attrDeclarations } from "./attr.ts";
import { ENUM_PREFIXES, enumFiles, KernelEnums, nameTables } from "./enums.ts";
import { errnoFile, HEADERS, MACRO_PREFIXES, macroFile, syscallFile } from "./headers.ts";
import { prefixTable, sourceFile } from "./source.ts";
import { structFiles } from "./structs.ts";

const KERNEL = "6.18";
const BTF = "/sys/kernel/btf/vmlinux";
const FROM_BTF = `From the BTF of Linux ${KERNEL}, x86-64.`;
const FROM_HEADERS = "From the headers of Linux 6.1 (Debian's linux-libc-dev)";

function missing(): string | null {
  const release = existsSync("/proc/sys/kernel/osrelease")
    ? readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()
    : "none";
  if (!`${release}.`.startsWith(`${KERNEL}.`)) return `needs a kernel ${KERNEL}, this is ${release}`;
  const absent = [BTF, ...Object.values(HEADERS)].find((path) => !existsSync(path));
  return absent === undefined ? null : `${absent} is absent`;
}

function generate(): Generated {
  const why = missing();
  if (why !== null) return { skipped: why };
  const content = readFileSync(BTF);
  const btf = Btf.parse(new Uint8Array(content.buffer, content.byteOffset, content.byteLength), {
    what: BTF,
  });
  const enums = new KernelEnums(btf);
  const commands = enums
    .values("bpf_cmd")
    .filter(([name]) => name.startsWith("BPF_") && name !== "BPF_PROG_RUN");
  const errno = errnoFile();
  if (errno === null) return { skipped: "perl is not installed" };

  const files = new Map<string, string>();
  const add = (name: string, from: string, declarations: readonly string[], imports = "") =>
    files.set(
      `src/uapi/generated/${name}`,
      sourceFile(from, imports === "" ? declarations : [imports, ...declarations]),
    );
  for (const [name, declarations] of Object.entries(enumFiles(enums))) add(name, FROM_BTF, declarations);
  for (const [name, declarations] of Object.entries(structFiles(btf))) {
    add(name, FROM_BTF, declarations, 'import type { Layout } from "../layout.ts";');
  }
  const names = commands.map(([name]) => name.slice("BPF_".length));
  add("attr.ts", FROM_BTF, attrDeclarations(btf, names), 'import type { AttrLayout } from "../layout.ts";');
  add("names.ts", FROM_BTF, [...nameTables(enums), prefixTable([...ENUM_PREFIXES, ...MACRO_PREFIXES])]);
  add("macros.ts", `${FROM_HEADERS}, and those of ${KERNEL} where newer.`, macroFile(enums));
  add("errno.ts", `${FROM_HEADERS}, and the C library's messages.`, errno);
  add("syscalls.ts", `${FROM_HEADERS}.`, syscallFile());
  return { files };
}

export const uapi: Generator = {
  name: "uapi",
  purpose: "src/uapi/generated: constants and layouts of the kernel's API",
  repeatable: true,
  generate,
};
