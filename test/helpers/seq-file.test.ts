import { describe, expect, it } from "vitest";
import { textOf } from "../../src/base/index.ts";
import { offsetOf } from "../../src/btf/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType, Errno } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { createHash, loadText, u32 } from "../kernel/support.ts";

const types = linuxTypes();
const VALUE = offsetOf(types, "bpf_iter__bpf_map_elem.value");
const POINTER = 16;

interface Asked {
  /** Id of the type, or its name. */
  readonly type?: string | number;
  readonly size?: number;
  readonly flags?: bigint;
  /** The address; that of the element's value unless told. */
  readonly address?: bigint;
}

/** What a reader of a walk over elements gets, and what the helper gave for the last of them. */
function print(
  { type = "in6_addr", size = POINTER, flags = 0n, address }: Asked,
  options: { readonly elements?: number; readonly value?: Uint8Array; readonly read?: number } = {},
) {
  const kernel = new EmbeddedKernel({ btf: types });
  const { elements = 1, value = new Uint8Array(16).map((_, index) => index + 1), read = 4096 } = options;
  const results = words(kernel);
  const mapFd = createHash(kernel, { maxEntries: elements, valueSize: value.length });
  for (let key = 0; key < elements; key++) kernel.mapUpdateElem({ mapFd, key: u32(key), value });
  const id = typeof type === "number" ? type : types.findByName(type);
  const text = `
    r6 = r1
    r1 = *(u64 *)(r6 + ${VALUE})
    if r1 != 0 goto +2
    r0 = 0
    exit
    ${address === undefined ? "" : `r1 = ${address} ll`}
    *(u64 *)(r10 - 32) = r1
    *(u64 *)(r10 - 24) = ${id}
    *(u64 *)(r10 - 16) = 0
    r1 = *(u64 *)(r6 + 0)
    r1 = *(u64 *)(r1 + 0)
    r2 = r10
    r2 += -32
    r3 = ${size}
    r4 = ${flags} ll
    call bpf_seq_printf_btf
    r7 = r0
    ${store(results, 0)}
    r0 = 0
    exit`;
  const attachBtfId = types.findByName("bpf_iter_bpf_map_elem");
  const attachType = BpfAttachType.TRACE_ITER;
  const progFd = loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType: attachType });
  const linkFd = kernel.linkCreate({ progFd, attachType, iterInfo: u32(mapFd) });
  const fd = kernel.iterCreate({ linkFd });
  let written = "";
  for (;;) {
    const bytes = kernel.port.read(fd, read);
    if (typeof bytes === "number") return { written, result: bytes };
    if (bytes.length === 0) break;
    written += textOf(bytes);
  }
  return { written, result: Number(BigInt.asIntN(64, wordAt(kernel, results, 0))) };
}

const COMPACT = 1n;
const NONAME = 2n;
const PTR_RAW = 4n;
const ZERO = 8n;

describe("bpf_seq_printf_btf", () => {
  it("writes what an address leads to", () => {
    const { written, result } = print({ type: "list_head", flags: COMPACT | PTR_RAW });
    expect(result).toBe(0);
    expect(written).toBe(
      "(struct list_head){.next = (struct list_head *)0x0807060504030201,.prev = (struct list_head *)0x100f0e0d0c0b0a09,}",
    );
    expect(print({ type: "list_head", flags: COMPACT | PTR_RAW | NONAME }).written).toBe(
      "{0x0807060504030201,0x100f0e0d0c0b0a09,}",
    );
  });

  it("leaves zeros out unless asked for them", () => {
    const value = new Uint8Array(16);
    const of = (flags: bigint) => print({ type: "list_head", flags }, { value }).written;
    expect(of(COMPACT)).toBe("(struct list_head){}");
    expect(of(COMPACT | ZERO)).toContain(".prev = ");
  });

  it.each([
    ["flags that there are not", { flags: 16n }, Errno.EINVAL],
    ["flags of the upper half", { flags: 1n << 32n }, Errno.EINVAL],
    ["a pointer of another size", { size: 8 }, Errno.EINVAL],
    ["type 0", { type: 0 }, Errno.EINVAL],
    ["a type that there is not", { type: 0x7fff_ffff }, Errno.ENOENT],
    ["an address of a user", { address: 0x1000n }, Errno.ERANGE],
    ["an address of no memory", { address: 0xffff_8000_0000_0010n }, Errno.EFAULT],
  ])("%s", (_, asked, errno) => {
    expect(print(asked)).toEqual({ written: "", result: -errno });
  });

  it("writes more than there is room for at once", () => {
    const one = print({ type: "list_head", flags: PTR_RAW }).written;
    expect(one.split("\n").length).toBeGreaterThan(3);
    const many = print({ type: "list_head", flags: PTR_RAW }, { elements: 300, read: 100 });
    expect(many).toEqual({ written: one.repeat(300), result: 0 });
  });
});
