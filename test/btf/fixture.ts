import { existsSync, readFileSync } from "node:fs";
import { BtfBuilder, type ByteSink } from "../../src/btf/index.ts";
import { practiceBtf } from "./practice-btf.ts";

const SHARED = new URL("../../../shared/", import.meta.url);

/** True where the recorded outputs of bpftool are at hand. */
export const hasGolden = existsSync(new URL("golden/raw/btf.bin", SHARED));

export function shared(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, SHARED)));
}

/** What a command printed, of a recording that has the command first and its exit code last. */
export function golden(path: string): string {
  const text = readFileSync(new URL(`golden/${path}`, SHARED), "utf8");
  return text.slice(text.indexOf("\n") + 1, text.lastIndexOf("[rc="));
}

/** All that a dump writes, as text. */
export function collect(dump: (sink: ByteSink) => void): string {
  const decoder = new TextDecoder();
  let text = "";
  dump((chunk) => {
    text += decoder.decode(chunk, { stream: true });
  });
  return text;
}

/** A BTF of every kind and form. */
export { practiceBtf as everyKind };

/** An empty builder with `int` as type 1 and `char` as type 2. */
export function builder(): BtfBuilder {
  const types = new BtfBuilder();
  types.add({ kind: "INT", name: "int", size: 4, signed: true });
  types.add({ kind: "INT", name: "char", size: 1, char: true });
  return types;
}
