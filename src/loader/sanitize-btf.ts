import { ByteWriter } from "../base/index.ts";
import { type Btf, BtfKind } from "../btf/index.ts";
import type { Feature, KernelFeatures } from "./features.ts";

const HEADER_SIZE = 24;

/**
 * BTF bytes without what the kernel lacks, each type replaced by one of the same length that an older kernel takes, so
 * that type ids stay (`bpf_object__sanitize_btf`). `null` where the kernel has all that is in it.
 */
export function sanitizeBtf(btf: Btf, features: KernelFeatures): Uint8Array | null {
  const missing = missingFeatures(btf, features);
  if (missing.size === 0) return null;
  const { words, index, strings } = btf.tables();
  const types = words.slice();
  const names = strings.slice();
  const added: number[] = [];
  const placeholder = btf.count;
  for (let id = 1; id < btf.count; id++) {
    replace(btf, id, { types, at: index[id]!, names, missing, placeholder });
  }
  if (missing.has("enum64")) added.push(0, BtfKind.INT << 24, 1, 8);
  const own = types.subarray(3);
  const length = (own.length + added.length) * 4;
  const out = new ByteWriter({ endian: btf.endian, capacity: HEADER_SIZE + length + names.length });
  out.u16(0xeb9f).u8(1).u8(0).u32(HEADER_SIZE).u32(0).u32(length).u32(length).u32(names.length);
  for (const word of own) out.u32(word);
  for (const word of added) out.u32(word);
  return out.write(names).finish();
}

/** Features that this BTF needs and the kernel lacks. */
function missingFeatures(btf: Btf, features: KernelFeatures): Set<Feature> {
  const needed = new Set<Feature>();
  for (let id = 1; id < btf.count; id++) {
    switch (btf.kind(id)) {
      case BtfKind.FUNC_PROTO:
        needed.add("func");
        break;
      case BtfKind.FUNC:
        needed.add("func");
        if (btf.vlen(id) !== 0) needed.add("funcGlobal");
        break;
      case BtfKind.VAR:
        needed.add("datasec");
        break;
      case BtfKind.DATASEC:
        needed.add("datasec");
        if (btf.name(id).startsWith("?")) needed.add("questionMarkDatasec");
        break;
      case BtfKind.FLOAT:
        needed.add("float");
        break;
      case BtfKind.DECL_TAG:
        needed.add("declTag");
        break;
      case BtfKind.TYPE_TAG:
        needed.add("typeTag");
        break;
      case BtfKind.ENUM:
        if (btf.kflag(id)) needed.add("enum64");
        break;
      case BtfKind.ENUM64:
        needed.add("enum64");
    }
  }
  return new Set([...needed].filter((feature) => !features.has(feature)));
}

interface Change {
  readonly types: Uint32Array;
  /** Where the type is in `types`. */
  readonly at: number;
  readonly names: Uint8Array;
  readonly missing: ReadonlySet<Feature>;
  /** Id of an INT added for what ENUM64s become. */
  readonly placeholder: number;
}

function replace(btf: Btf, id: number, { types, at, names, missing, placeholder }: Change): void {
  const kind = btf.kind(id);
  const vlen = btf.vlen(id);
  const become = (other: BtfKind, count = 0) => {
    types[at + 1] = (other << 24) | count;
  };
  if (
    (kind === BtfKind.VAR && missing.has("datasec")) ||
    (kind === BtfKind.DECL_TAG && missing.has("declTag"))
  ) {
    // One byte fits into whatever the variable was.
    become(BtfKind.INT);
    types[at + 2] = 1;
    types[at + 3] = 8;
  } else if (kind === BtfKind.DATASEC && missing.has("datasec")) {
    const name = types[at]!;
    for (let i = name; names[i] !== 0; i++)
      if (names[i] === DOT || names[i] === QUESTION_MARK) names[i] = UNDERSCORE;
    become(BtfKind.STRUCT, vlen);
    for (let entry = at + 3; entry < at + 3 + 3 * vlen; entry += 3) {
      const variable = types[entry]!;
      const offset = types[entry + 1]!;
      types[entry] = btf.nameOffset(variable);
      types[entry + 1] = variable;
      types[entry + 2] = offset * 8;
    }
  } else if (kind === BtfKind.DATASEC && missing.has("questionMarkDatasec")) {
    if (names[types[at]!] === QUESTION_MARK) names[types[at]!] = UNDERSCORE;
  } else if (kind === BtfKind.FUNC_PROTO && missing.has("func")) {
    become(BtfKind.ENUM, vlen);
    types[at + 2] = 4;
  } else if (kind === BtfKind.FUNC && missing.has("func")) become(BtfKind.TYPEDEF);
  else if (kind === BtfKind.FUNC && missing.has("funcGlobal")) become(BtfKind.FUNC);
  else if (kind === BtfKind.FLOAT && missing.has("float")) {
    types[at] = 0;
    become(BtfKind.STRUCT);
  } else if (kind === BtfKind.TYPE_TAG && missing.has("typeTag")) {
    types[at] = 0;
    become(BtfKind.CONST);
  } else if (kind === BtfKind.ENUM && missing.has("enum64")) become(BtfKind.ENUM, vlen);
  else if (kind === BtfKind.ENUM64 && missing.has("enum64")) {
    become(BtfKind.UNION, vlen);
    for (let member = at + 3; member < at + 3 + 3 * vlen; member += 3) {
      types[member + 1] = placeholder;
      types[member + 2] = 0;
    }
  }
}

const DOT = 0x2e;
const QUESTION_MARK = 0x3f;
const UNDERSCORE = 0x5f;
