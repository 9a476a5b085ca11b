import { BpfLinkType, Errno } from "../../uapi/index.ts";
import type { LinkProbe } from "../hooks/event-call.ts";
import type { FunctionSite } from "../hooks/functions.ts";
import type { UserProbes } from "../hooks/uprobes.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { wordBytes } from "../word-bytes.ts";
import { KernelLink, type LinkInfo, type LinkInfoRequest } from "./link.ts";

/** A function that a program is attached to with others, and what it is told apart by. */
export interface KprobeTarget {
  readonly site: FunctionSite;
  readonly address: bigint;
  readonly cookie: bigint;
}

/** A program at many functions of the kernel (`struct bpf_kprobe_multi_link`). */
export class KprobeMultiLink extends KernelLink {
  readonly #targets: readonly KprobeTarget[];
  readonly #probes: readonly LinkProbe[];
  readonly #onReturn: boolean;
  readonly #cookies: boolean;

  /**
   * @param targets sorted by address.
   * @param options whether it is for returns, whether its runs are in pairs, and whether cookies were given.
   */
  constructor(
    table: IdTable<KernelLink>,
    program: KernelProgram,
    targets: readonly KprobeTarget[],
    options: { readonly onReturn: boolean; readonly session: boolean; readonly cookies: boolean },
  ) {
    super(table, BpfLinkType.KPROBE_MULTI, program);
    this.#targets = targets;
    this.#onReturn = options.onReturn;
    this.#cookies = options.cookies;
    this.#probes = targets.map(({ cookie }) => ({ link: this, cookie }));
    for (const [index, { site }] of targets.entries())
      site.add({
        offset: 0,
        onReturn: options.onReturn,
        session: options.session,
        target: this.#probes[index]!,
      });
  }

  info(request: LinkInfoRequest): LinkInfo {
    const at = BigInt(request.asked("kprobeMultiAddrs"));
    const cookiesAt = BigInt(request.asked("kprobeMultiCookies"));
    const room = Number(request.asked("kprobeMultiCount"));
    if ((at === 0n) !== (room === 0) || (cookiesAt !== 0n && room === 0)) refuse(Errno.EINVAL);
    const info = {
      kprobeMultiCount: this.#targets.length,
      kprobeMultiFlags: this.#onReturn ? 1 : 0,
      kprobeMultiMissed: 0,
    };
    if (at === 0n) return info;
    const given = this.#targets.slice(0, room);
    if (cookiesAt !== 0n)
      request.write(cookiesAt, wordBytes(given.map(({ cookie }) => (this.#cookies ? cookie : 0n))));
    request.write(at, wordBytes(given.map(({ address }) => (request.showsAddresses ? address : 0n))));
    return given.length < this.#targets.length ? refuse(Errno.ENOSPC) : info;
  }

  protected override release(): void {
    for (const [index, { site }] of this.#targets.entries()) site.remove(this.#probes[index]!);
  }
}

/** A place in a file that a program is attached to with others. */
export interface UprobeTarget {
  readonly offset: bigint;
  readonly reference: bigint;
  readonly cookie: bigint;
}

/** Where in which file, and whose passing counts. */
export interface UprobeMulti {
  readonly probes: UserProbes;
  readonly path: string;
  readonly targets: readonly UprobeTarget[];
  readonly onReturn: boolean;
  /** Process whose passing counts; 0: any. */
  readonly pid: number;
}

/** A program at many places of a file (`struct bpf_uprobe_multi_link`). */
export class UprobeMultiLink extends KernelLink {
  readonly #multi: UprobeMulti;
  readonly #probes: readonly LinkProbe[];

  constructor(table: IdTable<KernelLink>, program: KernelProgram, multi: UprobeMulti) {
    super(table, BpfLinkType.UPROBE_MULTI, program);
    const { probes, path, targets, onReturn, pid } = multi;
    this.#multi = multi;
    this.#probes = targets.map(({ cookie }) => ({ link: this, cookie }));
    for (const [index, { offset }] of targets.entries()) {
      const target = this.#probes[index]!;
      probes.add(path, offset, { onReturn, target, watches: (task) => pid === 0 || task.tgid === pid });
    }
  }

  info(request: LinkInfoRequest): LinkInfo {
    const { targets, path, onReturn, pid } = this.#multi;
    const length = request.giveText("uprobeMultiPath", "uprobeMultiPathSize", path);
    const room = Number(request.asked("uprobeMultiCount"));
    const arrays = [
      ["uprobeMultiOffsets", targets.map(({ offset }) => offset)],
      ["uprobeMultiRefCtrOffsets", targets.map(({ reference }) => reference)],
      ["uprobeMultiCookies", targets.map(({ cookie }) => cookie)],
    ] as const;
    for (const [field, values] of arrays) {
      const at = BigInt(request.asked(field));
      if (at !== 0n && room === 0) refuse(Errno.EINVAL);
      if (at !== 0n) request.write(at, wordBytes(values.slice(0, room)));
    }
    if (room !== 0 && room < targets.length) refuse(Errno.ENOSPC);
    return {
      uprobeMultiPathSize: length,
      uprobeMultiCount: targets.length,
      uprobeMultiFlags: onReturn ? 1 : 0,
      uprobeMultiPid: pid,
    };
  }

  protected override release(): void {
    const { probes, path, targets } = this.#multi;
    for (const [index, { offset }] of targets.entries()) probes.remove(path, offset, this.#probes[index]!);
  }
}
