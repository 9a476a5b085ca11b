import type { MemoryImports } from "../mem/index.ts";
import { BpfMapType, BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitArrayElement, emitArrayNextKey } from "./emit-array.ts";
import { emitHashDelete, emitHashLookup, emitHashNextKey, emitHashUpdate } from "./emit-hash.ts";
import { emitPool } from "./emit-pool.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";
import type { MapShape } from "./operations.ts";
import { SocketField } from "./socket-fields.ts";

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
/** `TCP_ESTABLISHED`, `TCP_LISTEN` */
const ESTABLISHED = 1;
const LISTEN = 10;
/** `SOCK_RCU_FREE` */
const RCU_FREE = 1 << 23;

/** What `emitSocketMap` emits into. */
export interface SocketMapParts {
  readonly module: ModuleBuilder;
  readonly memory: MemoryImports;
  /** Emits the map of a function's first parameter. */
  readonly operand: (f: FunctionBuilder) => MapOperand;
}

type SocketOperation = "lookup" | "inspect" | "update" | "delete" | "nextKey";

/**
 * Maps of sockets (`sock_map_ops`, `sock_hash_ops`, `reuseport_array_ops`): an element is the offset of a `struct sock`,
 * and 0 is none. `lookup` takes a reference where the socket is counted, `inspect` does not; the value of an update is
 * the socket itself. A REUSEPORT_SOCKARRAY is written by system calls alone, which have looked at the socket.
 */
export function emitSocketMap(
  shape: MapShape,
  operations: Readonly<Record<SocketOperation, FunctionBuilder>>,
  parts: SocketMapParts,
): void {
  const { lookup, inspect, update, delete: remove, nextKey } = operations;
  const { module, memory, operand } = parts;
  emitHeld(lookup, operand(lookup), inspect);
  if (shape.type === BpfMapType.SOCKHASH) {
    emitHashLookup(inspect, shape, operand(inspect));
    emitWordAt(inspect);
    const hash = { memory, pool: emitPool(module, shape, memory), freeFields: null };
    const put = module.function("put", PUT);
    emitHashUpdate(put, shape, operand(put), hash);
    emitChecks(update, shape, operand(update));
    emitPut(update, operand(update), put);
    emitHashDelete(remove, shape, operand(remove), hash);
    emitHashNextKey(nextKey, shape, operand(nextKey), memory);
    return;
  }
  const place = (f: FunctionBuilder) => {
    const index = f.local("i32", "index");
    const at = f.local("i32", "at");
    f.get(f.params[1]!).i32.load(0, 1).set(index);
    emitArrayElement(f, shape, operand(f), index, index, at);
    return at;
  };
  inspect.get(place(inspect));
  emitWordAt(inspect);
  if (shape.type === BpfMapType.SOCKMAP) emitChecks(update, shape, operand(update));
  emitStore(update, place(update));
  emitTakeOut(remove, place(remove), shape.type === BpfMapType.SOCKMAP ? MISSES.map : MISSES.reuseport);
  emitArrayNextKey(nextKey, operand(nextKey));
}

const PUT = { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] } as const;

/** What deleting gives for an index beyond the end, and for one with no socket. */
const MISSES = {
  map: { beyond: Errno.EINVAL, empty: Errno.EINVAL },
  reuseport: { beyond: Errno.E2BIG, empty: Errno.ENOENT },
} as const;

/** Emits the word at the offset on the stack; of 0 it is 0. */
function emitWordAt(f: FunctionBuilder): void {
  const value = f.local("i32", "value_at");
  const socket = f.local("i32", "socket_there");
  f.set(value);
  f.i32.const(0).set(socket);
  f.get(value).if(() => f.get(value).i32.atomicLoad().set(socket));
  f.get(socket);
}

/** `sock_map_lookup`, `sock_hash_lookup`: what is there, with a reference where it is counted. */
function emitHeld(f: FunctionBuilder, map: MapOperand, inspect: FunctionBuilder): void {
  const socket = f.local("i32", "socket");
  for (const param of f.params) f.get(param);
  f.call(inspect).tee(socket);
  f.if(() => {
    emitMember(f, map, socket, SocketField.FLAGS).i32.load().i32.const(RCU_FREE).i32.and().i32.eqz();
    f.if(() => {
      emitMember(f, map, socket, SocketField.REFERENCES).i32.const(1).i32.atomicRmw("add").drop();
    });
  });
  f.get(socket);
}

/** Emits the offset of a member of a socket. */
function emitMember(f: FunctionBuilder, map: MapOperand, socket: Local, field: number): FunctionBuilder {
  f.get(socket);
  return emitFixed(f, map, MapField.SOCKETS).i32.load(field).i32.add();
}

/**
 * Emits what a SOCKMAP or SOCKHASH has against a socket or flags (`sock_map_update_elem`, `sock_map_link`): EINVAL,
 * EOPNOTSUPP, E2BIG, EBUSY for one that is in a REUSEPORT_SOCKARRAY.
 */
function emitChecks(f: FunctionBuilder, shape: MapShape, map: MapOperand): void {
  const [, key, socket, flags] = f.params as [Local, Local, Local, Local];
  const family = f.local("i32", "family");
  const type = f.local("i32", "type");
  const protocol = f.local("i32", "protocol");
  const states = f.local("i32", "states");
  const refuse = (errno: number) => f.if(() => f.i32.const(-errno).return());
  f.get(socket).i32.eqz();
  refuse(Errno.EINVAL);
  emitMember(f, map, socket, SocketField.FAMILY).i32.load16U().set(family);
  emitMember(f, map, socket, SocketField.TYPE).i32.load16U().set(type);
  emitMember(f, map, socket, SocketField.PROTOCOL).i32.load16U().set(protocol);
  // sock_map_sk_is_suitable, sock_map_sk_state_allowed: no state at all, some, or any, of UDP where it is bound.
  f.i32.const(0).set(states);
  f.get(family).i32.const(AF_UNIX).i32.eq();
  f.if(
    () => {
      f.get(type).i32.const(SOCK_STREAM).i32.eq();
      f.if(
        () => f.i32.const(1 << ESTABLISHED).set(states),
        () =>
          f
            .get(type)
            .i32.const(SOCK_DGRAM)
            .i32.eq()
            .if(() => f.i32.const(-1).set(states)),
      );
    },
    () => {
      f.get(family).i32.const(AF_INET).i32.eq().get(family).i32.const(AF_INET6).i32.eq().i32.or();
      f.if(() => {
        f.get(protocol).i32.const(IPPROTO_TCP).i32.eq();
        f.if(() => f.i32.const((1 << ESTABLISHED) | (1 << LISTEN)).set(states));
        f.get(protocol).i32.const(IPPROTO_UDP).i32.eq();
        f.if(() => {
          emitMember(f, map, socket, SocketField.HASHED).i64.load().i64.eqz();
          f.i32.const(1).i32.sub().set(states);
        });
      });
    },
  );
  f.get(states).i32.const(1);
  emitMember(f, map, socket, SocketField.STATE).i32.load8U().i32.shl().i32.and().i32.eqz();
  refuse(Errno.EOPNOTSUPP);
  f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.gtU();
  refuse(Errno.EINVAL);
  if (shape.type === BpfMapType.SOCKMAP) {
    f.get(key).i32.load(0, 1);
    emitFixed(f, map, MapField.MAX_ENTRIES).i32.geU();
    refuse(Errno.E2BIG);
  }
  emitMember(f, map, socket, SocketField.USER_DATA).i64.load().i64.eqz().i32.eqz();
  refuse(Errno.EBUSY);
}

/** Emits the update of a hash: its value lies where the CPU has its own place. */
function emitPut(f: FunctionBuilder, map: MapOperand, put: FunctionBuilder): void {
  const [header, key, socket, flags, cpu] = f.params as [Local, Local, Local, Local, Local];
  const value = f.local("i32", "value");
  emitFixed(f, map, MapField.SOCKETS).get(cpu).i32.const(3).i32.shl().i32.add();
  f.i32.const(SocketField.VALUES).i32.add().tee(value).get(socket).i32.store();
  f.get(header).get(key).get(value).get(flags).get(cpu).call(put);
}

/** Emits the update of an element of an array at an offset: EEXIST, ENOENT; E2BIG where there is no such element. */
function emitStore(f: FunctionBuilder, at: Local): void {
  const [, , socket, flags] = f.params as [Local, Local, Local, Local];
  const there = f.local("i32", "there");
  f.get(at).i32.eqz();
  f.if(() => f.i32.const(-Errno.E2BIG).return());
  f.get(at).i32.atomicLoad().set(there);
  f.get(there).i32.const(0).i32.ne().get(flags).i32.const(BpfUpdateFlag.NOEXIST).i32.eq().i32.and();
  f.if(() => f.i32.const(-Errno.EEXIST).return());
  f.get(there).i32.eqz().get(flags).i32.const(BpfUpdateFlag.EXIST).i32.eq().i32.and();
  f.if(() => f.i32.const(-Errno.ENOENT).return());
  f.get(at).get(socket).i32.atomicStore();
  f.i32.const(0);
}

/** Emits the removal of the element at an offset. */
function emitTakeOut(f: FunctionBuilder, at: Local, misses: (typeof MISSES)[keyof typeof MISSES]): void {
  f.get(at).i32.eqz();
  f.if(() => f.i32.const(-misses.beyond).return());
  f.i32.const(0).i32.const(-misses.empty).get(at).i32.const(0).i32.atomicRmw("xchg").select();
}
