import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { textOf } from "../../src/base/index.ts";
import { BtfKind, isModifier, offsetOf } from "../../src/btf/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { mapInfo } from "../../src/sys/index.ts";
import { BpfAttachType } from "../../src/uapi/index.ts";
import { load } from "../kernel/programs.ts";
import { type Side, Twins } from "../kernel/twins.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

const DATA = 256;
/** Of an element's value: id of the map, type, flags, what the helper gave, and what is printed. */
const Value = { OWN: 0, TYPE: 8, FLAGS: 16, RESULT: 24, DATA: 32, SIZE: 32 + DATA } as const;
const PTR_RAW = 4n;
const { INT, PTR, ARRAY, STRUCT, UNION, ENUM, ENUM64, FUNC } = BtfKind;
const SHOWABLE: readonly number[] = [INT, PTR, ARRAY, STRUCT, UNION, ENUM, ENUM64, FUNC];

describeWith([liveKernel("6.18")], "structs that programs of iterators print, as on Linux", async () => {
  const types = linuxTypes();
  const twins = await Twins.meet({ btf: types });
  afterAll(() => twins[Symbol.dispose]());

  const map = twins.mustOpen("MAP_CREATE", {
    mapType: 1,
    keySize: 4,
    valueSize: Value.SIZE,
    maxEntries: 1,
  });
  const mapId = twins.pair((side) => mapInfo(side.sys, side.of(map)).id);
  // Where the walk comes to our map: other maps are nobody's business. Whose turn it is, is in the element.
  const text = `
    r6 = r1
    r7 = *(u64 *)(r6 + ${offsetOf(types, "bpf_iter__bpf_map.map")})
    if r7 == 0 goto +26
    r8 = *(u32 *)(r7 + ${offsetOf(types, "bpf_map.id")})
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = %0
    call bpf_map_lookup_elem
    if r0 == 0 goto +18
    r7 = r0
    r1 = *(u64 *)(r7 + ${Value.OWN})
    if r1 != r8 goto +15
    r1 = r7
    r1 += ${Value.DATA}
    *(u64 *)(r10 - 32) = r1
    r1 = *(u32 *)(r7 + ${Value.TYPE})
    *(u64 *)(r10 - 24) = r1
    *(u64 *)(r10 - 16) = 0
    r1 = *(u64 *)(r6 + 0)
    r1 = *(u64 *)(r1 + 0)
    r2 = r10
    r2 += -32
    r3 = 16
    r4 = *(u64 *)(r7 + ${Value.FLAGS})
    call bpf_seq_printf_btf
    *(u64 *)(r7 + ${Value.RESULT}) = r0
    r0 = 0
    r0 = 0
    exit`;
  const attachType = BpfAttachType.TRACE_ITER;
  const progFd = load(twins, "tracing", text, {
    maps: [map],
    fields: { attachBtfId: types.findByName("bpf_iter_bpf_map"), expectedAttachType: attachType },
  });
  const link = twins.keep(twins.pair((side) => side.sys.linkCreate({ progFd: side.of(progFd), attachType })));

  const key = new Uint8Array(4);
  /** What one walk prints, and what the helper gave. */
  const print = (side: Side, type: number, flags: bigint, data: Uint8Array) => {
    const value = new Uint8Array(Value.SIZE);
    const view = new DataView(value.buffer);
    view.setUint32(Value.OWN, side.of(mapId), true);
    view.setInt32(Value.TYPE, type, true);
    view.setBigUint64(Value.FLAGS, flags, true);
    value.set(data, Value.DATA);
    side.sys.mapUpdateElem({ mapFd: side.of(map), key, value });
    const fd = side.sys.iterCreate({ linkFd: side.of(link) });
    const bytes = side.port.read(fd, 0x4000);
    side.port.close(fd);
    const left = side.sys.mapLookupElem({ mapFd: side.of(map), key })!;
    const result = new DataView(left.buffer, left.byteOffset).getBigInt64(Value.RESULT, true);
    return [typeof bytes === "number" ? bytes : textOf(bytes), Number(result)];
  };

  /**
   * Variables and sections are left out, and void: Linux 6.18 follows a pointer to nothing where it shows one by the
   * kernel's own types (`btf_var_show`: they have no `resolved_ids`), and dies of it.
   */
  const isShowable = (id: number): boolean => {
    let bare = id;
    while (bare !== 0 && (isModifier(types.kind(bare)) || types.kind(bare) === BtfKind.TYPEDEF))
      bare = types.ref(bare);
    if (!SHOWABLE.includes(types.kind(bare))) return false;
    return types.kind(bare) === BtfKind.FUNC || types.sizeOf(bare) <= DATA;
  };
  const shown = Array.from({ length: types.count - 1 }, (_, index) => index + 1).filter(isShowable);

  it("whatever is asked for", () => {
    const type = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...shown) },
      { weight: 1, arbitrary: fc.constantFrom(0, -1, types.count + 100_000, 0x7fff_ffff) },
    );
    const flags = fc.oneof(
      { weight: 20, arbitrary: fc.nat(15).map((bits) => BigInt(bits) | PTR_RAW) },
      { weight: 1, arbitrary: fc.constantFrom(16n, 1n << 32n, 1n << 63n) },
    );
    const data = fc.oneof(
      fc.uint8Array({ minLength: DATA, maxLength: DATA }),
      fc.constant(new Uint8Array(DATA)),
      fc
        .uint8Array({ minLength: 8, maxLength: 8 })
        .map((few) => Uint8Array.from({ length: DATA }, (_, at) => (few[at % 8]! > 200 ? few[at % 8]! : 0))),
    );
    fc.assert(
      fc.property(type, flags, data, (id, bits, bytes) => {
        twins.both(`type ${id} ${id > 0 && types.has(id) ? types.name(id) : ""}, flags ${bits}`, (side) =>
          print(side, id, bits, bytes),
        );
        expect(twins.taken()).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
