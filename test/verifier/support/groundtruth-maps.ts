import { BpfMapType } from "../../../src/uapi/index.ts";
import { CTypes } from "./c-types.ts";
import { assembleEntry } from "./case-program.ts";
import type { CaseMap, CaseMapTypes } from "./verifier-case.ts";

type Row = readonly [type: number, keySize: number, valueSize: number, maxEntries: number, flags?: number];

const RDONLY_PROG = 1 << 7;
const WRONLY_PROG = 1 << 8;
const NO_PREALLOC = 1;

/** Maps by fixup kind, as the groundtruth's README lists them. */
const MAPS: Readonly<Record<string, Row>> = {
  fixup_map_hash_8b: [BpfMapType.HASH, 8, 8, 1],
  fixup_map_hash_16b: [BpfMapType.HASH, 8, 16, 1],
  fixup_map_hash_48b: [BpfMapType.HASH, 8, 48, 1],
  fixup_map_array_48b: [BpfMapType.ARRAY, 4, 48, 1],
  fixup_map_array_ro: [BpfMapType.ARRAY, 4, 48, 1, RDONLY_PROG],
  fixup_map_array_wo: [BpfMapType.ARRAY, 4, 48, 1, WRONLY_PROG],
  fixup_map_array_small: [BpfMapType.ARRAY, 4, 1, 1],
  fixup_prog1: [BpfMapType.PROG_ARRAY, 4, 4, 4],
  fixup_prog2: [BpfMapType.PROG_ARRAY, 4, 4, 8],
  fixup_map_in_map: [BpfMapType.ARRAY_OF_MAPS, 4, 4, 1],
  fixup_cgroup_storage: [BpfMapType.CGROUP_STORAGE, 16, 64, 0],
  fixup_percpu_cgroup_storage: [BpfMapType.PERCPU_CGROUP_STORAGE, 16, 64, 0],
  fixup_map_sockmap: [BpfMapType.SOCKMAP, 4, 4, 1],
  fixup_map_sockhash: [BpfMapType.SOCKHASH, 4, 4, 1],
  fixup_map_xskmap: [BpfMapType.XSKMAP, 4, 4, 1],
  fixup_map_stacktrace: [BpfMapType.STACK_TRACE, 4, 8, 1],
  fixup_map_event_output: [BpfMapType.PERF_EVENT_ARRAY, 4, 4, 1],
  fixup_map_reuseport_array: [BpfMapType.REUSEPORT_SOCKARRAY, 4, 8, 1],
  fixup_map_ringbuf: [BpfMapType.RINGBUF, 0, 0, 4096],
  fixup_map_spin_lock: [BpfMapType.ARRAY, 4, 8, 1],
  fixup_sk_storage_map: [BpfMapType.SK_STORAGE, 4, 8, 0, NO_PREALLOC],
  fixup_map_timer: [BpfMapType.ARRAY, 4, 16, 1],
  fixup_map_kptr: [BpfMapType.ARRAY, 4, 24, 1],
};

const VALUE_TYPES: Readonly<Record<string, readonly [value: string, declarations: string]>> = {
  fixup_map_spin_lock: ["struct val", "struct val { int cnt; struct bpf_spin_lock l; };"],
  fixup_sk_storage_map: ["struct val", "struct val { int cnt; struct bpf_spin_lock l; };"],
  fixup_map_timer: ["struct timer", "struct timer { struct bpf_timer t; };"],
  fixup_map_kptr: [
    "struct btf_ptr",
    `struct btf_ptr {
      struct prog_test_ref_kfunc __kptr_untrusted *ptr;
      struct prog_test_ref_kfunc __kptr *ptr2;
      struct prog_test_member __kptr *ptr3;
    };`,
  ],
};

/** The map of a fixup kind; before it the one it needs. `at`: how many maps the case has before them. */
export function groundtruthMap(kind: string, at: number): CaseMap[] {
  const row = MAPS[kind];
  if (row === undefined) throw new Error(`there is no fixup '${kind}'`);
  // The self-test gives a name to those with types.
  const types = typesOf(kind);
  const name = types === null || kind === "fixup_map_kptr" ? "" : "test_map";
  const map = { ...plain(row), name, types, elements: elementsOf(kind), programs: programsOf(kind) };
  if (kind !== "fixup_map_in_map") return [map];
  return [plain([BpfMapType.ARRAY, 4, 4, 1]), { ...map, inner: at }];
}

function plain([type, keySize, valueSize, maxEntries, flags = 0]: Row): CaseMap {
  return {
    name: "",
    type,
    keySize,
    valueSize,
    maxEntries,
    flags,
    extra: 0n,
    types: null,
    inner: null,
    elements: [],
    frozen: false,
    programs: [],
  };
}

function typesOf(kind: string): CaseMapTypes | null {
  const known = VALUE_TYPES[kind];
  if (known === undefined) return null;
  const types = new CTypes(known[1]);
  const [keyType, valueType] = [types.id("int"), types.id(known[0])];
  return { btf: types.bytes(), keyType, valueType };
}

function elementsOf(kind: string): CaseMap["elements"] {
  const value = Uint8Array.from(
    new Uint8Array(Uint32Array.of(28, 0, 0, 0, 0, 0, 0, 0xabcdef12, 0, 0, 0, 0).buffer),
  );
  const key = new Uint8Array(4);
  if (/^fixup_map_array_(48b|ro|wo)$/.test(kind)) return [{ key, value }];
  return kind === "fixup_map_array_small" ? [{ key, value: value.subarray(0, 1) }] : [];
}

function programsOf(kind: string): CaseMap["programs"] {
  const entry = (index: number, text: string) => ({ index, ...assembleEntry(text, "self") });
  const again = "r3 = 2\nr2 = %self\ncall bpf_tail_call\nr0 = 41\nexit";
  if (kind === "fixup_prog1") {
    return [entry(0, "r0 = 42\nexit"), entry(1, again), entry(2, "r0 = 24\nexit")];
  }
  if (kind === "fixup_prog2") return [entry(1, again), entry(2, "r0 = 24\nexit"), entry(7, "r0 = 42\nexit")];
  return [];
}
