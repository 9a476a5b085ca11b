import { Btf, BtfBuilder, deduplicate } from "../btf/index.ts";

/** The types of several modules over one base, each once. */
export function mergeBtf(base: Btf, parts: readonly Btf[]): Btf {
  const builder = new BtfBuilder({ base });
  for (const part of parts) builder.append(part);
  const joined = Btf.parse(builder.finish(), { base });
  return Btf.parse(deduplicate(joined).bytes, { base });
}
