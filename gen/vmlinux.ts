import { existsSync, readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";
import { Btf } from "../src/btf/index.ts";
import type { Generator } from "./generator.ts";

const SOURCE = "/sys/kernel/btf/vmlinux";
const OUTPUT = "assets/linux-6.18-x86_64.btf.br";

/** The types of a Linux 6.18, for machines that do not show their own. Taken from the running kernel. */
export const vmlinux: Generator = {
  name: "vmlinux",
  purpose: `${OUTPUT}: the types of the running kernel (6.18), compressed`,
  repeatable: false,
  generate() {
    if (!existsSync(SOURCE)) return { skipped: `no ${SOURCE}` };
    const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
    if (!release.startsWith("6.18.")) return { skipped: `this is Linux ${release}, not 6.18` };
    const bytes = readFileSync(SOURCE);
    const { count } = Btf.parse(new Uint8Array(bytes), { what: SOURCE });
    const packed = brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    });
    return {
      files: new Map([[OUTPUT, new Uint8Array(packed)]]),
      note: `${count} types of ${release}, ${bytes.length} bytes as ${packed.length}`,
    };
  },
};
