import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";
import { Btf } from "../../../src/btf/index.ts";

const FILE = new URL("../../../assets/linux-6.18-x86_64.btf.br", import.meta.url);

/** All types of a Linux 6.18. */
export const VMLINUX: Btf = Btf.parse(new Uint8Array(brotliDecompressSync(readFileSync(FILE))));
