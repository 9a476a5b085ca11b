import type { SourceLine, XlatedContext } from "../../../src/asm/index.ts";
import { ByteReader, bytesOfHex, cString } from "../../../src/base/index.ts";
import { decode, type Insn } from "../../../src/isa/index.ts";
import { golden } from "../../support/referee.ts";

export const GOLDEN = {
  info: golden("raw/prog_info.json"),
  symbols: golden("raw/kallsyms.txt"),
  btf: golden("raw/btf.bin"),
};

/** Function prototypes by BTF type id: printing them from BTF is another room's work. */
const PROTOTYPES: ReadonlyMap<number, string> = new Map([
  [44, "int count(struct __sk_buff * skb)"],
  [46, "__u64 * slot(__u32 i)"],
]);

/** The recorded program with the names that its listing needs, from the raw answers of the kernel. */
export function goldenProgram(): { insns: Insn[]; context: XlatedContext } {
  const info = GOLDEN.info.json<Record<string, string>>();
  const bytes = (name: string) => bytesOfHex(info[name]!)!;
  const byAddress = new Map<bigint, string>();
  let base = 0n;
  for (const line of GOLDEN.symbols.text().trim().split("\n")) {
    const [address, , name] = line.split(/\s+/);
    const value = BigInt(`0x${address}`);
    byAddress.set(value, name!);
    if (name === "__bpf_call_base") base = value;
  }
  const addresses = new ByteReader(bytes("jited_ksyms"));
  const subprograms: bigint[] = [];
  while (addresses.remaining > 0) subprograms.push(addresses.u64());

  const prototypes = new Map<number, string>();
  const functions = new ByteReader(bytes("func_info"));
  while (functions.remaining > 0) prototypes.set(functions.u32(), PROTOTYPES.get(functions.u32())!);

  const btf = GOLDEN.btf.bytes();
  const header = new ByteReader(btf, { offset: 4 });
  const headerLength = header.u32();
  header.skip(8);
  const strings = headerLength + header.u32();
  const sources = new Map<number, SourceLine>();
  const lines = new ByteReader(bytes("line_info"));
  while (lines.remaining > 0) {
    const slot = lines.u32();
    const file = cString(btf, strings + lines.u32());
    const text = cString(btf, strings + lines.u32());
    const position = lines.u32();
    sources.set(slot, { text, file, line: position >>> 10, column: position & 0x3ff });
  }
  return {
    insns: decode(bytes("xlated")),
    context: {
      prototype: (slot) => prototypes.get(slot),
      source: (slot) => sources.get(slot),
      subprogName: (index) => byAddress.get(subprograms[index] ?? 0n),
      symbolName: (offset) => byAddress.get(base + BigInt(offset)),
    },
  };
}
