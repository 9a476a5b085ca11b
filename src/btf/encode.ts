import { high32, low32, TsbpfError } from "../base/index.ts";
import type { BtfTypeInput } from "./input.ts";
import { BtfKind, FUNC_LINKAGES, IntEncoding, VAR_LINKAGES } from "./kinds.ts";
import type { BtfMember } from "./types.ts";

/** The words of a type: the opposite of `decodeType`. `id` is for messages; `string` gives the offset of a name. */
export function encodeType(type: BtfTypeInput, id: number, string: (text: string) => number): Uint32Array {
  const fail = (problem: string): never => {
    throw new TsbpfError(`BTF type [${id}] ${type.kind} '${type.name ?? ""}': ${problem}`);
  };
  const kind = BtfKind[type.kind];
  const head = (third: number, vlen = 0, kflag = false) => {
    if (vlen > 0xffff) fail(`expected at most 65535 elements, got ${vlen}`);
    if (!(third >= 0 && third <= 0xffff_ffff)) fail(`expected a size or type id of 32 bits, got ${third}`);
    return [string(type.name ?? ""), ((kflag ? 1 << 31 : 0) | (kind << 24) | vlen) >>> 0, third];
  };
  const words: number[] = [];
  switch (type.kind) {
    case "INT": {
      const { size, bits = size * 8, bitOffset = 0 } = type;
      if (bits > 255 || bitOffset > 255) fail(`expected at most 255 bits, got ${Math.max(bits, bitOffset)}`);
      const encoding =
        (type.signed ? IntEncoding.SIGNED : 0) |
        (type.char ? IntEncoding.CHAR : 0) |
        (type.bool ? IntEncoding.BOOL : 0);
      words.push(...head(size), (encoding << 24) | (bitOffset << 16) | bits);
      break;
    }
    case "PTR":
    case "TYPEDEF":
    case "VOLATILE":
    case "CONST":
    case "RESTRICT":
      words.push(...head(type.type));
      break;
    case "TYPE_TAG":
      words.push(...head(type.type, 0, type.attribute));
      break;
    case "DECL_TAG":
      words.push(...head(type.type, 0, type.attribute), type.component);
      break;
    case "ARRAY":
      words.push(...head(0), type.type, type.indexType, type.count);
      break;
    case "STRUCT":
    case "UNION": {
      const bitfields = type.members.some((member) => member.bitSize !== 0);
      words.push(...head(type.size, type.members.length, bitfields));
      for (const member of type.members) {
        words.push(string(member.name), member.type, memberOffset(member, bitfields, fail));
      }
      break;
    }
    case "ENUM":
    case "ENUM64":
      words.push(...head(type.size, type.values.length, type.signed));
      for (const { name, value } of type.values) {
        words.push(string(name), low32(BigInt(value)));
        if (type.kind === "ENUM64") words.push(high32(BigInt(value)));
      }
      break;
    case "FWD":
      words.push(...head(0, 0, type.of === "union"));
      break;
    case "FUNC":
      words.push(...head(type.type, FUNC_LINKAGES.indexOf(type.linkage)));
      break;
    case "FUNC_PROTO":
      words.push(...head(type.returns, type.params.length));
      for (const param of type.params) words.push(string(param.name), param.type);
      break;
    case "VAR":
      words.push(...head(type.type), VAR_LINKAGES.indexOf(type.linkage));
      break;
    case "DATASEC":
      words.push(...head(type.size, type.variables.length));
      for (const variable of type.variables) words.push(variable.type, variable.offset, variable.size);
      break;
    case "FLOAT":
      words.push(...head(type.size));
      break;
  }
  return Uint32Array.from(words);
}

/** With bit fields (kflag), a member's offset has 24 bits and its size stands above. */
function memberOffset(member: BtfMember, bitfields: boolean, fail: (problem: string) => never): number {
  const { name, bitOffset, bitSize } = member;
  const limit = bitfields ? 0xff_ffff : 0xffff_ffff;
  if (bitOffset > limit || bitSize > 255) {
    fail(`member '${name}': expected an offset up to ${limit} and at most 255 bits`);
  }
  return bitfields ? ((bitSize << 24) | bitOffset) >>> 0 : bitOffset;
}
