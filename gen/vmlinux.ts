import { existsSync, readFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";
import { Btf } from "../src/btf/index.ts";
import type { Generator } from "./generator.ts";

const RUNNING = "/sys/kernel/btf/vmlinux";
/** Where a copy of another kernel's `/sys/kernel/btf/vmlinux` lies, by release: `TSBPF_BTF_6_1=FILE`. */
const COPY = "TSBPF_BTF_6_1";

/** The types of kernels, for machines that do not show their own, or another release's. */
export const vmlinux: Generator = {
  name: "vmlinux",
  purpose: `assets/linux-*.btf.br: the types of the running kernel (6.18), and of a 6.1 that ${COPY} names, compressed`,
  repeatable: false,
  generate() {
    const files = new Map<string, Uint8Array>();
    const notes: string[] = [];
    const add = (release: string, source: string) => {
      const bytes = readFileSync(source);
      const { count } = Btf.parse(new Uint8Array(bytes), { what: source });
      const packed = compressed(bytes);
      files.set(`assets/linux-${release}-x86_64.btf.br`, packed);
      notes.push(`${release}: ${count} types, ${bytes.length} bytes as ${packed.length}`);
    };
    const running = existsSync(RUNNING) ? readFileSync("/proc/sys/kernel/osrelease", "utf8").trim() : "";
    if (running.startsWith("6.18.")) add("6.18", RUNNING);
    const copy = process.env[COPY];
    if (copy !== undefined) add("6.1", copy);
    if (files.size === 0)
      return { skipped: `this is no Linux 6.18 with ${RUNNING}, and ${COPY} names no file` };
    return { files, note: notes.join("; ") };
  },
};

function compressed(bytes: Buffer): Uint8Array {
  return new Uint8Array(
    brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }),
  );
}
