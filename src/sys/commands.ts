import { cString, utf8 } from "../base/index.ts";
import { encode } from "../isa/index.ts";
import { Errno as E } from "../uapi/index.ts";
import type {
  BtfLoadArguments,
  MapBatch,
  MapBatchArguments,
  MapCreateArguments,
  MapDeleteBatchArguments,
  MapGetFdByIdArguments,
  MapGetNextKeyArguments,
  MapKeyArguments,
  MapUpdateArguments,
  MapUpdateBatchArguments,
  ObjGetArguments,
  ObjPinArguments,
  ProgBindMapArguments,
  ProgLoadArguments,
  ProgLoadResult,
  ProgTestRunArguments,
  ProgTestRunResult,
} from "./arguments.ts";
import { type AttrInput, attrOffset, encodeAttr } from "./attr.ts";
import { Errno } from "./errno.ts";
import { type MapInfo, mapInfo } from "./info.ts";
import { LinkCommands } from "./link-commands.ts";
import { Loans } from "./loans.ts";
import { TestRunCall } from "./test-run-call.ts";

const DEFAULT_LOG_SIZE = 1 << 16;
const MAX_LOG_SIZE = 1 << 24;
const OBJ_NAME_LEN = 16;

/**
 * bpf(2) as typed calls over any port: one method for each `enum bpf_cmd`.
 *
 * Arguments have the camelCased fields of the command's member of `union bpf_attr`. Calls return a descriptor or what
 * the kernel wrote; a look-up that misses returns null; whatever the kernel refuses throws {@link Errno}. Returned
 * buffers belong to the caller.
 */
export class BpfCommands extends LinkCommands {
  // --- maps -----------------------------------------------------------------------------------------------------

  /** BPF_MAP_CREATE. @returns the map's descriptor. */
  mapCreate(args: MapCreateArguments): number {
    const { mapName, ...rest } = args;
    return this.call("MAP_CREATE", { ...rest, mapName: nameBytes(mapName) });
  }

  /** BPF_MAP_LOOKUP_ELEM. @returns `valueSize(fd)` bytes (per-CPU: of all CPUs), or null where the key is not there. */
  mapLookupElem(args: MapKeyArguments): Uint8Array | null {
    return this.#lookup("MAP_LOOKUP_ELEM", args);
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM: pops from a queue or a stack, or takes an element out of a hash. */
  mapLookupAndDeleteElem(args: MapKeyArguments): Uint8Array | null {
    return this.#lookup("MAP_LOOKUP_AND_DELETE_ELEM", args);
  }

  /** BPF_MAP_UPDATE_ELEM. */
  mapUpdateElem(args: MapUpdateArguments): void {
    using loans = new Loans(this.port.memory);
    this.call("MAP_UPDATE_ELEM", {
      mapFd: args.mapFd,
      key: loans.lend(args.key),
      value: loans.lend(args.value),
      flags: args.flags ?? 0,
    });
  }

  /** BPF_MAP_DELETE_ELEM. @returns false where the key was not there. */
  mapDeleteElem(args: { readonly mapFd: number; readonly key: Uint8Array }): boolean {
    using loans = new Loans(this.port.memory);
    const attr = encodeAttr("MAP_DELETE_ELEM", { mapFd: args.mapFd, key: loans.lend(args.key) });
    return this.found("MAP_DELETE_ELEM", this.raw("MAP_DELETE_ELEM", attr));
  }

  /** BPF_MAP_GET_NEXT_KEY. @returns the next key, or null at the end. */
  mapGetNextKey(args: MapGetNextKeyArguments): Uint8Array | null {
    using loans = new Loans(this.port.memory);
    const next = new Uint8Array(args.keySize ?? args.key?.length ?? this.#mapSizes(args.mapFd).keySize);
    const attr = encodeAttr("MAP_GET_NEXT_KEY", {
      mapFd: args.mapFd,
      key: args.key === null ? 0n : loans.lend(args.key),
      nextKey: loans.lend(next),
    });
    return this.found("MAP_GET_NEXT_KEY", this.raw("MAP_GET_NEXT_KEY", attr)) ? next : null;
  }

  /** BPF_MAP_FREEZE: from now on no writes by system calls. */
  mapFreeze(args: { readonly mapFd: number }): void {
    this.call("MAP_FREEZE", args);
  }

  /** BPF_MAP_LOOKUP_BATCH. The map's size may change between two batches: see bpf(2) on what that means. */
  mapLookupBatch(args: MapBatchArguments): MapBatch {
    return this.#batch("MAP_LOOKUP_BATCH", args);
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_BATCH. */
  mapLookupAndDeleteBatch(args: MapBatchArguments): MapBatch {
    return this.#batch("MAP_LOOKUP_AND_DELETE_BATCH", args);
  }

  /** BPF_MAP_UPDATE_BATCH. @returns how many elements were written; throws only where none was. */
  mapUpdateBatch(args: MapUpdateBatchArguments): number {
    using loans = new Loans(this.port.memory);
    const { keys, values, mapFd, ...rest } = args;
    return this.#counted("MAP_UPDATE_BATCH", {
      ...rest,
      mapFd,
      keys: loans.lend(keys),
      values: loans.lend(values),
    });
  }

  /** BPF_MAP_DELETE_BATCH. @returns how many elements were deleted; throws only where none was. */
  mapDeleteBatch(args: MapDeleteBatchArguments): number {
    using loans = new Loans(this.port.memory);
    const { keys, ...rest } = args;
    return this.#counted("MAP_DELETE_BATCH", { ...rest, keys: loans.lend(keys) });
  }

  // --- programs -------------------------------------------------------------------------------------------------

  /**
   * BPF_PROG_LOAD.
   *
   * A refused program is loaded a second time with a log where none was asked for, so that the error says why.
   */
  progLoad(args: ProgLoadArguments): ProgLoadResult {
    const logLevel = args.logLevel ?? 0;
    const logSize = args.logSize ?? (logLevel === 0 ? 0 : DEFAULT_LOG_SIZE);
    const first = this.#progLoadOnce(args, logLevel, logSize);
    if (first.result >= 0) return { fd: first.result, log: first.log };
    // A log that did not fit says nothing of the program: ask again with the largest.
    if (first.result === -E.ENOSPC && args.logSize === undefined && logSize < MAX_LOG_SIZE) {
      const again = this.#progLoadOnce(args, logLevel, MAX_LOG_SIZE);
      if (again.result >= 0) return { fd: again.result, log: again.log };
      throw new Errno(-again.result, "BPF_PROG_LOAD", again.log);
    }
    if (logLevel !== 0) throw new Errno(-first.result, "BPF_PROG_LOAD", first.log);
    let explained = this.#progLoadOnce(args, 1, DEFAULT_LOG_SIZE);
    if (explained.result === -E.ENOSPC) explained = this.#progLoadOnce(args, 1, MAX_LOG_SIZE);
    if (explained.result >= 0) return { fd: explained.result, log: "" };
    throw new Errno(-first.result, "BPF_PROG_LOAD", explained.log);
  }

  #progLoadOnce(
    args: ProgLoadArguments,
    logLevel: number,
    logSize: number,
  ): { readonly result: number; readonly log: string } {
    using loans = new Loans(this.port.memory);
    const code = args.insns instanceof Uint8Array ? args.insns : encode(args.insns);
    const log = new Uint8Array(logSize);
    const {
      insns: _,
      license,
      progName,
      funcInfo,
      lineInfo,
      coreRelos,
      fdArray,
      logSize: __,
      ...rest
    } = args;
    const records = (bytes: Uint8Array | undefined, size: number | undefined) =>
      bytes === undefined || size === undefined || size === 0 ? 0 : Math.floor(bytes.length / size);
    const attr = encodeAttr("PROG_LOAD", {
      ...rest,
      insnCnt: code.length / 8,
      insns: loans.lend(code),
      license: loans.lend(utf8(`${license}\0`)),
      logLevel,
      logSize,
      logBuf: loans.lend(log),
      progName: nameBytes(progName),
      funcInfo: loans.lend(funcInfo ?? NOTHING),
      funcInfoCnt: records(funcInfo, args.funcInfoRecSize),
      lineInfo: loans.lend(lineInfo ?? NOTHING),
      lineInfoCnt: records(lineInfo, args.lineInfoRecSize),
      coreRelos: loans.lend(coreRelos ?? NOTHING),
      coreReloCnt: records(coreRelos, args.coreReloRecSize),
      fdArray: loans.lend(fdArray === undefined ? NOTHING : new Uint8Array(Int32Array.from(fdArray).buffer)),
    });
    const result = this.raw("PROG_LOAD", attr);
    return { result, log: cString(log) };
  }

  /** BPF_PROG_TEST_RUN (BPF_PROG_RUN). */
  progTestRun(args: ProgTestRunArguments): ProgTestRunResult {
    using call = new TestRunCall(this.port.memory, args);
    return call.result(this.raw("PROG_TEST_RUN", call.attr));
  }

  /** BPF_PROG_BIND_MAP: the program keeps the map alive though its code does not use it. */
  progBindMap(args: ProgBindMapArguments): void {
    this.call("PROG_BIND_MAP", args);
  }

  // --- BTF ------------------------------------------------------------------------------------------------------

  /** BPF_BTF_LOAD. @returns the descriptor. Where it is refused, the error carries the log. */
  btfLoad(args: BtfLoadArguments): number {
    const load = (logLevel: number, logSize: number) => {
      using loans = new Loans(this.port.memory);
      const log = new Uint8Array(logSize);
      const attr = encodeAttr("BTF_LOAD", {
        btf: loans.lend(args.btf),
        btfSize: args.btf.length,
        btfLogLevel: logLevel,
        btfLogSize: logSize,
        btfLogBuf: loans.lend(log),
        btfFlags: args.flags ?? 0,
        btfTokenFd: args.tokenFd ?? 0,
      });
      return { result: this.raw("BTF_LOAD", attr), log: cString(log) };
    };
    const level = args.logLevel ?? 0;
    const first = load(level, level === 0 ? 0 : (args.logSize ?? DEFAULT_LOG_SIZE));
    if (first.result >= 0) return first.result;
    if (level !== 0) throw new Errno(-first.result, "BPF_BTF_LOAD", first.log);
    const explained = load(1, MAX_LOG_SIZE);
    if (explained.result >= 0) return explained.result;
    throw new Errno(-first.result, "BPF_BTF_LOAD", explained.log);
  }

  // --- ids, info, pins ------------------------------------------------------------------------------------------

  /** BPF_PROG_GET_NEXT_ID. @returns the smallest id above `startId`, or null. */
  progGetNextId(args: { readonly startId: number }): number | null {
    return this.#nextId("PROG_GET_NEXT_ID", args.startId);
  }

  mapGetNextId(args: { readonly startId: number }): number | null {
    return this.#nextId("MAP_GET_NEXT_ID", args.startId);
  }

  btfGetNextId(args: { readonly startId: number }): number | null {
    return this.#nextId("BTF_GET_NEXT_ID", args.startId);
  }

  linkGetNextId(args: { readonly startId: number }): number | null {
    return this.#nextId("LINK_GET_NEXT_ID", args.startId);
  }

  /** BPF_PROG_GET_FD_BY_ID. @returns a descriptor. */
  progGetFdById(args: { readonly id: number }): number {
    return this.call("PROG_GET_FD_BY_ID", { progId: args.id });
  }

  mapGetFdById(args: MapGetFdByIdArguments): number {
    return this.call("MAP_GET_FD_BY_ID", { mapId: args.id, openFlags: args.openFlags });
  }

  btfGetFdById(args: { readonly id: number }): number {
    return this.call("BTF_GET_FD_BY_ID", { btfId: args.id });
  }

  linkGetFdById(args: { readonly id: number }): number {
    return this.call("LINK_GET_FD_BY_ID", { linkId: args.id });
  }

  /**
   * BPF_OBJ_GET_INFO_BY_FD. `info` holds `struct bpf_prog_info`, `bpf_map_info`, `bpf_btf_info` or `bpf_link_info`,
   * with the addresses and sizes of the caller's buffers in it; the kernel fills it in place.
   *
   * @returns how many bytes of `info` the kernel filled.
   */
  objGetInfoByFd(args: { readonly bpfFd: number; readonly info: Uint8Array }): number {
    using loans = new Loans(this.port.memory);
    const attr = encodeAttr("OBJ_GET_INFO_BY_FD", {
      bpfFd: args.bpfFd,
      infoLen: args.info.length,
      info: loans.lend(args.info),
    });
    this.check("OBJ_GET_INFO_BY_FD", this.raw("OBJ_GET_INFO_BY_FD", attr));
    return new DataView(attr.buffer).getUint32(attrOffset("OBJ_GET_INFO_BY_FD", "infoLen"), true);
  }

  /** BPF_OBJ_PIN. */
  objPin(args: ObjPinArguments): void {
    using loans = new Loans(this.port.memory);
    this.call("OBJ_PIN", { ...args, pathname: loans.lend(utf8(`${args.pathname}\0`)) });
  }

  /** BPF_OBJ_GET. @returns a descriptor of what is pinned there. */
  objGet(args: ObjGetArguments): number {
    using loans = new Loans(this.port.memory);
    return this.call("OBJ_GET", { ...args, pathname: loans.lend(utf8(`${args.pathname}\0`)) });
  }

  /** close(2). */
  close(fd: number): void {
    const result = this.port.close(fd);
    if (result < 0) throw new Errno(-result, "close");
  }

  // --- plumbing -------------------------------------------------------------------------------------------------

  #nextId(
    command: "PROG_GET_NEXT_ID" | "MAP_GET_NEXT_ID" | "BTF_GET_NEXT_ID" | "LINK_GET_NEXT_ID",
    startId: number,
  ): number | null {
    const attr = encodeAttr(command, { startId });
    if (!this.found(command, this.raw(command, attr))) return null;
    return new DataView(attr.buffer).getUint32(attrOffset(command, "nextId"), true);
  }

  #lookup(
    command: "MAP_LOOKUP_ELEM" | "MAP_LOOKUP_AND_DELETE_ELEM",
    args: MapKeyArguments,
  ): Uint8Array | null {
    using loans = new Loans(this.port.memory);
    const value = new Uint8Array(args.userValueSize ?? this.#mapSizes(args.mapFd).userValueSize);
    const attr = encodeAttr(command, {
      mapFd: args.mapFd,
      key: loans.lend(args.key),
      value: loans.lend(value),
      flags: args.flags ?? 0,
    });
    return this.found(command, this.raw(command, attr)) ? value : null;
  }

  #batch(command: "MAP_LOOKUP_BATCH" | "MAP_LOOKUP_AND_DELETE_BATCH", args: MapBatchArguments): MapBatch {
    using loans = new Loans(this.port.memory);
    const { keySize, userValueSize } = args.sizes ?? this.#mapSizes(args.mapFd);
    const keys = new Uint8Array(keySize * args.count);
    const values = new Uint8Array(userValueSize * args.count);
    // Hash maps write a 32-bit bucket number as their position, the others a key.
    const next = new Uint8Array(Math.max(4, keySize));
    const attr = encodeAttr(command, {
      mapFd: args.mapFd,
      inBatch: loans.lend(args.position ?? NOTHING),
      outBatch: loans.lend(next),
      keys: loans.lend(keys),
      values: loans.lend(values),
      count: args.count,
      elemFlags: args.elemFlags ?? 0,
      flags: args.flags ?? 0,
    });
    const more = this.found(command, this.raw(command, attr));
    const count = new DataView(attr.buffer).getUint32(attrOffset(command, "count"), true);
    return {
      keys: keys.subarray(0, count * keySize),
      values: values.subarray(0, count * userValueSize),
      count,
      next: more ? next : null,
    };
  }

  #counted<C extends "MAP_UPDATE_BATCH" | "MAP_DELETE_BATCH">(command: C, values: AttrInput<C>): number {
    const attr = encodeAttr(command, values);
    const at = attrOffset<"MAP_UPDATE_BATCH">("MAP_UPDATE_BATCH", "count");
    const view = new DataView(attr.buffer, attr.byteOffset);
    const wanted = view.getUint32(at, true);
    const result = this.raw(command, attr);
    const count = view.getUint32(at, true);
    // What is refused before the first element leaves the number as it was.
    if (result < 0 && (count === 0 || count === wanted)) throw new Errno(-result, `BPF_${command}`);
    return count;
  }

  /**
   * Sizes of a map's key and of its value as system calls see it. They are asked of the kernel each time, unless the
   * caller says them: descriptor numbers are reused, and with a stale size a live kernel would write past a buffer.
   */
  #mapSizes(mapFd: number): MapInfo & { readonly userValueSize: number } {
    const info = mapInfo(this, mapFd);
    return {
      ...info,
      userValueSize: info.perCpu ? roundUp8(info.valueSize) * this.possibleCpus() : info.valueSize,
    };
  }

  /** How many CPUs the kernel may ever have: the number of values a per-CPU map shows (libbpf_num_possible_cpus). */
  possibleCpus(): number {
    const file = this.port.readFile("/sys/devices/system/cpu/possible");
    if (typeof file === "number") throw new Errno(-file, "/sys/devices/system/cpu/possible");
    let last = 0;
    for (const range of cString(file).trim().split(","))
      last = Math.max(last, Number(range.split("-").pop()));
    return last + 1;
  }
}

const NOTHING = new Uint8Array(0);

function roundUp8(size: number): number {
  return (size + 7) & -8;
}

/** At most 15 bytes and a NUL; a longer name is cut, as libbpf does. */
function nameBytes(name: string | undefined): Uint8Array | undefined {
  return name === undefined ? undefined : utf8(name).subarray(0, OBJ_NAME_LEN - 1);
}
