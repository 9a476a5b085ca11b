import { RCU_FREE } from "../../helpers/index.ts";
import { isSocketMap, type SocketLayout } from "../../maps/index.ts";
import type { KernelMemory } from "../../mem/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import { BpfMapType, BpfUpdateFlag, Errno } from "../../uapi/index.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelMap } from "../objects/map.ts";
import { checked, refuse } from "../refusal.ts";
import type { KernelSocket } from "./socket.ts";
import { Family, Protocol } from "./socket-struct.ts";
import type { FoundSocket, SocketWatcher } from "./socket-table.ts";

/** `SK_USER_DATA_NOCOPY | SK_USER_DATA_BPF` */
const USER_DATA_BPF = 3;
/** `SOCK_STREAM`, `SOCK_DGRAM` */
const CARRIED: readonly number[] = [1, 2];
const USER_DATA = "sk_user_data";
const COOKIE = "__sk_common.skc_cookie.counter";

/** Where maps of sockets find what they look at. */
export function socketLayout(layout: KernelLayout): SocketLayout {
  return {
    family: layout.offset("sock_common.skc_family"),
    state: layout.offset("sock_common.skc_state"),
    flags: layout.offset("sock_common.skc_flags"),
    references: layout.offset("sock_common.skc_refcnt"),
    type: layout.offset("sock.sk_type"),
    protocol: layout.offset("sock.sk_protocol"),
    userData: layout.offset("sock.sk_user_data"),
    hashed: layout.offset("sock_common.skc_node.pprev"),
  };
}

/** A write of one element by a system call. */
export interface SocketWrite {
  /** Offset of the key. */
  readonly key: number;
  readonly flags: bigint;
  readonly cpu: number;
}

/** What maps of sockets need of the kernel that they are in. */
export interface SocketMapsMachine {
  readonly memory: KernelMemory;
  readonly maps: IdTable<KernelMap>;
  socketAt(offset: number): FoundSocket | undefined;
  /** A number that no socket has had. */
  nextSocketCookie(): number;
}

/**
 * The sockets in maps, as far as system calls and the ends of sockets are concerned. Maps hold no references: who ends
 * leaves them.
 */
export class SocketMaps implements SocketWatcher {
  readonly #machine: SocketMapsMachine;
  /** Arrays whose end the sockets in them are told of. */
  readonly #watched = new WeakSet<KernelMap>();

  constructor(machine: SocketMapsMachine) {
    this.#machine = machine;
  }

  /** `sock_map_update_elem_sys`, `bpf_fd_reuseport_array_update_elem`, behind the descriptor. */
  put(map: KernelMap, socket: KernelSocket, { key, flags, cpu }: SocketWrite): number {
    const low = flags > 0xffff_ffffn ? 0xffff_ffff : Number(flags);
    const { operations } = map.parts;
    if (map.type === BpfMapType.REUSEPORT_SOCKARRAY) {
      const before = this.#at(map, key);
      this.#checkMember(socket, before, flags);
      if (!this.#watched.has(map)) {
        this.#watched.add(map);
        map.whenGone.push(() => this.#release(map));
      }
      before?.sock.set(USER_DATA, 0n);
      socket.sock.point(USER_DATA, map.offset | USER_DATA_BPF);
    }
    return checked(operations.update(map.offset, key, socket.offset, low, cpu));
  }

  /** `sock_map_delete_elem`, `sock_hash_delete_elem`, `reuseport_array_delete_elem` */
  delete(map: KernelMap, key: number): number {
    if (map.type === BpfMapType.REUSEPORT_SOCKARRAY) this.#at(map, key)?.sock.set(USER_DATA, 0n);
    return checked(map.parts.operations.delete(map.offset, key));
  }

  /** The cookie of what is there (`sock_map_lookup_sys`, `bpf_fd_reuseport_array_lookup_elem`). ENOSPC, ENOENT. */
  cookie(map: KernelMap, key: number): bigint {
    if (map.valueSize !== 8) refuse(Errno.ENOSPC);
    const { sock } = this.#at(map, key) ?? refuse(Errno.ENOENT);
    if (sock.get64(COOKIE) === 0n) sock.set(COOKIE, this.#machine.nextSocketCookie());
    return sock.get64(COOKIE);
  }

  /** `sock_map_remove_links` */
  ended(socket: FoundSocket): void {
    for (const map of this.#maps())
      if (map.type !== BpfMapType.REUSEPORT_SOCKARRAY) this.#remove(map, socket);
  }

  /** `bpf_sk_reuseport_detach` */
  leftGroup(socket: FoundSocket): void {
    if (socket.sock.get64(USER_DATA) === 0n) return;
    socket.sock.set(USER_DATA, 0n);
    for (const map of this.#maps())
      if (map.type === BpfMapType.REUSEPORT_SOCKARRAY) this.#remove(map, socket);
  }

  *#maps(): Generator<KernelMap> {
    for (const map of this.#machine.maps.values()) if (isSocketMap(map.type)) yield map;
  }

  /** The socket of a key. */
  #at(map: KernelMap, key: number): FoundSocket | undefined {
    return this.#machine.socketAt(map.parts.operations.inspect!(map.offset, key, 0) >>> 0);
  }

  /** `reuseport_array_update_check`: EEXIST, ENOENT, ENOTSUPP, EINVAL of what shares no address, EBUSY. */
  #checkMember(socket: KernelSocket, before: FoundSocket | undefined, flags: bigint): void {
    if (before !== undefined && flags === BigInt(BpfUpdateFlag.NOEXIST)) refuse(Errno.EEXIST);
    if (before === undefined && flags === BigInt(BpfUpdateFlag.EXIST)) refuse(Errno.ENOENT);
    const { family, type, protocol, namespace } = socket.parts;
    const isCarried = protocol === Protocol.TCP || protocol === Protocol.UDP;
    const isInternet = family === Family.INET || family === Family.INET6;
    if (!isCarried || !isInternet || !CARRIED.includes(type)) refuse(Errno.ENOTSUPP);
    const { sock } = socket;
    const isFree = (sock.get("__sk_common.skc_flags") & RCU_FREE) !== 0;
    const isHashed = sock.get64("__sk_common.skc_node.pprev") !== 0n;
    if (!isFree || !isHashed || namespace.sockets.groupOf(socket) === null) refuse(Errno.EINVAL);
    if (sock.get64(USER_DATA) !== 0n || this.#isLinked(socket)) refuse(Errno.EBUSY);
  }

  /** Whether a map has it whose sockets are for data (`sk_psock`). */
  #isLinked(socket: FoundSocket): boolean {
    for (const map of this.#maps()) {
      if (map.type !== BpfMapType.REUSEPORT_SOCKARRAY && this.#placesOf(map, socket).length > 0) return true;
    }
    return false;
  }

  /** Offsets of the words of an array, or of the keys of a hash, that a socket has. */
  #placesOf({ type, parts, offset }: KernelMap, socket: FoundSocket): number[] {
    const { storage, operations, maxEntries } = parts;
    const places: number[] = [];
    if (type === BpfMapType.SOCKHASH) {
      for (let bucket = 0; bucket < storage.buckets(); bucket++) {
        const has = (key: number) => operations.inspect!(offset, key, 0) >>> 0 === socket.offset;
        places.push(...storage.keysOf(bucket).filter(has));
      }
      return places;
    }
    const words = this.#machine.memory.words();
    for (let at = storage.values; at < storage.values + 4 * maxEntries; at += 4)
      if (words[at >>> 2] === socket.offset) places.push(at);
    return places;
  }

  #remove(map: KernelMap, socket: FoundSocket): void {
    const isHash = map.type === BpfMapType.SOCKHASH;
    for (const place of this.#placesOf(map, socket)) {
      if (isHash) map.parts.operations.delete(map.offset, place);
      else Atomics.store(this.#machine.memory.words(), place >>> 2, 0);
    }
  }

  /** `reuseport_array_free` */
  #release({ parts: { storage, maxEntries } }: KernelMap): void {
    const words = this.#machine.memory.words();
    const first = storage.values >>> 2;
    for (const offset of words.subarray(first, first + maxEntries))
      this.#machine.socketAt(offset >>> 0)?.sock.set(USER_DATA, 0n);
  }
}
