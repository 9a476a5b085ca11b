import { ByteWriter, utf8 } from "../../src/base/index.ts";
import { BTF_MAGIC } from "../../src/btf/index.ts";

/** A small BTF whose dump goes all ways that dumps know: every kind and form, cycles, conflicts of names, padding. */
export function practiceBtf(): Uint8Array {
  const strings = new Map([["", 0]]);
  let length = 1;
  const body = new ByteWriter();
  for (const word of TYPES.flat()) {
    if (typeof word === "number") {
      body.u32(word >>> 0);
      continue;
    }
    let offset = strings.get(word);
    if (offset === undefined) {
      offset = length;
      strings.set(word, offset);
      length += word.length + 1;
    }
    body.u32(offset);
  }
  const header = new ByteWriter().u16(BTF_MAGIC).u8(1).u8(0);
  header.u32(24).u32(0).u32(body.length).u32(body.length).u32(length).write(body.finish());
  return header.write(utf8(`${[...strings.keys()].join("\0")}\0`)).finish();
}

const KFLAG = 0x8000_0000;
const info = (kind: number, vlen = 0, kflag = 0) => (kind << 24) | vlen | kflag;

/** Words of each type, from id 1; strings stand for their offsets. */
const TYPES: readonly (readonly (string | number)[])[] = [
  ["int", info(1), 4, 0x0100_0020], // 1
  ["char", info(1), 1, 0x0200_0008],
  ["unsigned long", info(1), 8, 64],
  ["_Bool", info(1), 1, 0x0400_0008],
  ["", info(2), 0], // 5: void *
  ["", info(10), 2], // const char
  ["", info(2), 6], // const char *
  ["", info(9), 7], // volatile
  ["", info(11), 5], // 9: restrict
  ["", info(3), 0, 1, 3, 4], // 10: int[4]
  ["", info(3), 0, 10, 3, 2], // int[2][4]
  ["", info(10), 10], // const int[4]
  ["", info(3), 0, 15, 3, 3], // 13: function pointers
  ["", info(13, 2), 1, "a", 7, "", 0], // 14: int (const char *a, ...)
  ["", info(2), 14], // 15
  ["", info(13), 0], // 16: void (void)
  ["", info(2), 16], // 17
  ["", info(2), 19], // 18: struct list *
  // 19
  ["list", info(4, 4), 32, "next", 18, 0, "prev", 18, 64, "call", 15, 128, "none", 17, 192],
  // 20: anonymous union
  ["", info(5, 2), 8, "value", 3, 0, "bytes", 10, 0],
  // 21: bit fields with a gap, padding, an anonymous member
  [
    "bits",
    info(4, 5, KFLAG),
    64,
    "x",
    1,
    0x0300_0000,
    "y",
    1,
    0x0500_0006,
    "z",
    3,
    64,
    "",
    20,
    128,
    "l",
    18,
    256,
  ],
  // 22: packed
  ["tight", info(4, 2), 5, "c", 2, 0, "i", 1, 8],
  ["empty", info(4), 0], // 23
  ["list", info(4, 1), 4, "other", 1, 0], // 24: a second struct of a name
  ["mode", info(6, 2), 4, "OFF", 0, "ON", 0xffff_fff0], // 25
  ["sign", info(6, 2, KFLAG), 1, "MINUS", -1, "ON", 1], // 26
  ["", info(6, 1), 4, "ALONE", 7], // 27
  ["", info(19, 2), 8, "BIG", 1, 1, "SMALL", 2, 0], // 28
  ["wide", info(19, 1, KFLAG), 8, "NEGATIVE", -1, -1], // 29
  ["later", info(7), 0], // 30
  ["either", info(7, 0, KFLAG), 0], // 31
  ["", info(2), 30], // 32
  ["", info(2), 31], // 33
  ["u32", info(8), 1], // 34
  ["u32", info(8), 3], // 35: a second typedef of a name
  ["handler_t", info(8), 15], // 36
  ["", info(2), 38], // 37
  ["node_t", info(8), 39], // 38
  ["node", info(4, 3), 24, "self", 37, 0, "next", 18, 64, "tag", 41, 128], // 39
  ["user", info(18), 19], // 40: type tag
  ["", info(2), 40], // 41
  ["main", info(12, 1), 14], // 42
  ["hidden", info(12), 14], // 43
  ["outside", info(12, 2), 16], // 44
  ["counter", info(14), 34, 1], // 45
  ["local", info(14), 34, 0], // 46
  [".data", info(15, 2), 8, 45, 0, 4, 46, 4, 4], // 47
  ["float", info(16), 4], // 48
  ["bpf_kfunc", info(17), 42, -1], // 49
  ["bpf_fastcall", info(17), 42, -1], // 50
  ["note", info(17), 19, 1], // 51
  ["", info(4, 1), 4, "inner", 1, 0], // 52
  ["inline_t", info(8), 52], // 53
  ["", info(2), 52], // 54
  ["holder", info(4, 3), 40, "p", 54, 0, "f", 13, 64, "m", 11, 0], // 55
  ["mode_t", info(8), 27], // 56
  ["", info(6, 1), 4, "FREE", 1], // 57
];
