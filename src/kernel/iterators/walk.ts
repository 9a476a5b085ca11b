import { utf8 } from "../../base/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { Machine } from "../machine.ts";
import type { Namespace } from "../net/namespace.ts";
import { Family } from "../net/socket-struct.ts";
import type { FoundSocket } from "../net/socket-table.ts";
import type { KernelMap } from "../objects/map.ts";
import type { KernelTask } from "../tasks/task.ts";

/** What an iterator is asked to walk (`union bpf_iter_link_info`), looked up. */
export interface WalkOptions {
  /** Of `bpf_map_elem`. */
  readonly map: KernelMap | null;
  /** Of `cgroup`. */
  readonly cgroup: { readonly group: Cgroup; readonly order: number } | null;
  /** Of `task`: one thread, or the threads of one process; 0: all. */
  readonly task: { readonly tid: number; readonly pid: number };
}

/** From where it is walked. */
export interface WalkPlace {
  /** The network namespace of whoever opened the file. */
  readonly namespace: Namespace;
}

/** Members of the context beside `meta`: numbers, or objects as offsets; 0: NULL. */
export type WalkStep = Readonly<Record<string, number>>;

/** A kind of things that programs walk: what they are, and what the context says once there are no more. */
export interface Walk {
  /** Members of `struct bpf_iter__NAME` that objects go into. */
  readonly members: readonly string[];
  /** Each object, in a context's members, for as long as its turn lasts. */
  readonly steps: (machine: Machine, options: WalkOptions, place: WalkPlace) => IterableIterator<WalkStep>;
  /** Members that are numbers. */
  readonly numbers?: readonly string[];
}

function* maps(machine: Machine): IterableIterator<WalkStep> {
  for (const map of [...machine.maps.values()]) if (map.references > 0) yield { map: map.offset };
}

/** `struct bpf_prog` is made for its turn: it has what tools print. */
function* programs(machine: Machine): IterableIterator<WalkStep> {
  for (const { id, references, parts } of [...machine.programs.values()]) {
    if (references === 0) continue;
    const program = machine.structs.struct("bpf_prog");
    const aux = machine.structs.struct("bpf_prog_aux");
    try {
      program.set("type", parts.type);
      program.set("len", parts.insns.length);
      program.set("expected_attach_type", parts.expectedAttachType);
      program.point("aux", aux.offset);
      aux.set("id", id);
      aux.write("name", utf8(parts.name).subarray(0, NAME_LENGTH));
      yield { prog: program.offset };
    } finally {
      machine.structs.free(program);
      machine.structs.free(aux);
    }
  }
}

/** `BPF_OBJ_NAME_LEN` less the NUL. */
const NAME_LENGTH = 15;

function* links(machine: Machine): IterableIterator<WalkStep> {
  for (const { id, type, references } of [...machine.links.values()]) {
    if (references === 0) continue;
    const link = machine.structs.struct("bpf_link");
    try {
      link.set("id", id);
      link.set("type", type);
      yield { link: link.offset };
    } finally {
      machine.structs.free(link);
    }
  }
}

function* tasks(machine: Machine, { task: { tid, pid } }: WalkOptions): IterableIterator<WalkStep> {
  const wanted = (task: KernelTask) =>
    (tid === 0 || task.pid === tid) && (pid === 0 || task.tgid === pid) && !task.exited;
  for (const task of machine.tasks.values()) if (wanted(task)) yield { task: task.offset };
}

/** `BPF_CGROUP_ITER_*` */
const Order = { SELF_ONLY: 1, DESCENDANTS_PRE: 2, DESCENDANTS_POST: 3, ANCESTORS_UP: 4 } as const;

function* cgroups(machine: Machine, { cgroup }: WalkOptions): IterableIterator<WalkStep> {
  const group = cgroup?.group ?? machine.cgroups.root;
  const order = cgroup?.order ?? Order.DESCENDANTS_PRE;
  let groups: Iterable<Cgroup>;
  if (order === Order.SELF_ONLY) groups = [group];
  else if (order === Order.ANCESTORS_UP) groups = group.ancestors();
  else if (order === Order.DESCENDANTS_POST) groups = childrenFirst(group);
  else groups = [...machine.cgroups.below(group)];
  for (const each of groups) if (!each.dead) yield { cgroup: each.offset };
}

function* childrenFirst(group: Cgroup): IterableIterator<Cgroup> {
  for (const child of group.children.values()) yield* childrenFirst(child);
  yield group;
}

/** Keys lie in memory of their own while programs look at them; values are the map's. */
function* elements(machine: Machine, { map }: WalkOptions): IterableIterator<WalkStep> {
  if (map === null) return;
  const { operations } = map.parts;
  const size = (map.keySize + 7) & -8;
  const block = machine.memory.alloc(2 * size);
  if (block === 0) return;
  const [key, next] = [block, block + size];
  const region = machine.memory.regions.add({
    start: key,
    end: key + size,
    access: RegionAccess.READ,
    stride: 0,
    size: 0,
    what: "key of an iterator",
  });
  try {
    let from = 0;
    while (operations.nextKey(map.offset, from, next) === 0) {
      machine.memory.bytes().copyWithin(key, next, next + map.keySize);
      from = key;
      const value = operations.lookup(map.offset, key, machine.executor.cpu) >>> 0;
      if (value !== 0) yield { key, value, map: map.offset };
    }
  } finally {
    machine.memory.regions.remove(region);
    machine.memory.retire(block);
  }
}

/** What packets find of TCP: what listens, then connections. */
function* tcpSockets(_machine: Machine, _options: WalkOptions, place: WalkPlace): IterableIterator<WalkStep> {
  const { sockets } = place.namespace;
  for (const socket of [...sockets.chain("listening"), ...sockets.chain("established")])
    if (socket.references > 0) yield { sk_common: socket.offset, uid: ownerOf(socket) };
}

function* udpSockets(_machine: Machine, _options: WalkOptions, place: WalkPlace): IterableIterator<WalkStep> {
  for (const socket of [...place.namespace.sockets.chain("datagram")])
    if (socket.references > 0) yield { udp_sk: socket.offset, uid: ownerOf(socket), bucket: 0 };
}

function* unixSockets(
  _machine: Machine,
  _options: WalkOptions,
  place: WalkPlace,
): IterableIterator<WalkStep> {
  for (const socket of place.namespace.sockets.all())
    if (socket.parts.family === Family.UNIX && socket.references > 0)
      yield { unix_sk: socket.offset, uid: ownerOf(socket) };
}

function ownerOf({ sock }: FoundSocket): number {
  return sock.get("sk_uid");
}

/** What can be walked, by the name of the iterator. */
export const WALKS: ReadonlyMap<string, Walk> = new Map<string, Walk>([
  ["bpf_map", { members: ["map"], steps: maps }],
  ["bpf_map_elem", { members: ["key", "value", "map"], steps: elements }],
  ["bpf_prog", { members: ["prog"], steps: programs }],
  ["bpf_link", { members: ["link"], steps: links }],
  ["task", { members: ["task"], steps: tasks }],
  ["cgroup", { members: ["cgroup"], steps: cgroups }],
  ["tcp", { members: ["sk_common"], numbers: ["uid"], steps: tcpSockets }],
  ["udp", { members: ["udp_sk"], numbers: ["uid", "bucket"], steps: udpSockets }],
  ["unix", { members: ["unix_sk"], numbers: ["uid"], steps: unixSockets }],
]);
