import { textOf } from "../../base/index.ts";
import { Errno, SkBpfOption } from "../../uapi/index.ts";
import { pointerAt } from "../objects/pointer-word.ts";
import { leastBuffer } from "./least-buffer.ts";
import { INVALID, type IntegerOption, memberOption, type OptionSocket, UserLock } from "./option.ts";
import { setLowWaterMark } from "./tcp.ts";

/** `SO_*` of x86-64 */
const Option = {
  REUSEADDR: 2,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  PRIORITY: 12,
  REUSEPORT: 15,
  RCVLOWAT: 18,
  BINDTODEVICE: 25,
  MARK: 36,
  MAX_PACING_RATE: 47,
  BINDTOIFINDEX: 62,
  TXREHASH: 74,
} as const;

export const BINDTODEVICE = Option.BINDTODEVICE;

const INT_MAX = 2 ** 31 - 1;
/** `SOCK_KEEPOPEN` in `sk_flags`. */
const KEEPOPEN = 1 << 3;
/** `IFNAMSIZ` */
const NAME_SIZE = 16;
const FLAGS = "sock_common.skc_flags";
const BOUND_TO = "sock_common.skc_bound_dev_if";

/** `SK_PACING_NONE`, `SK_PACING_NEEDED` */
const Pacing = { NONE: 0, NEEDED: 1 } as const;
/** `SOCK_TXREHASH_DEFAULT`, and what `net.core.txrehash` makes of it. */
const TXREHASH_DEFAULT = 255;
const TXREHASH_ENABLED = 1;
/** `SK_BPF_CB_MASK` */
const CALLBACKS = 1;
const NO_LIMIT = 2n ** 64n - 1n;

/** `sysctl_wmem_max`, `sysctl_rmem_max` */
const BUFFER_MAX = 4 << 20;

/** A buffer is twice as large as asked for: for what packets take beside their bytes. */
function bufferOption(path: string, lock: number, leastOf: (socket: OptionSocket) => number): IntegerOption {
  return {
    get: ({ fields }) => fields.get(path),
    set: (socket, value) => {
      const { fields } = socket;
      const size = Math.min(value >>> 0, BUFFER_MAX) * 2;
      fields.set("sock.sk_userlocks", fields.get("sock.sk_userlocks") | lock);
      fields.set(path, Math.max(size, leastOf(socket)));
      return 0;
    },
  };
}

/** `sock_bindtoindex_locked` */
function bindTo({ fields, call }: OptionSocket, index: number): number {
  // One that is bound stays so, unless CAP_NET_RAW says otherwise.
  if (fields.get(BOUND_TO) !== 0 && (call.services.task?.().uid ?? 0) !== 0) return -Errno.EPERM;
  if (index < 0) return INVALID;
  fields.set(BOUND_TO, index);
  return 0;
}

/** `sock_setbindtodevice`: an empty name takes the device away. */
export function bindToDevice(socket: OptionSocket, value: Uint8Array): number {
  const bytes = value.slice(0, NAME_SIZE - 1);
  const end = bytes.indexOf(0);
  const name = textOf(end < 0 ? bytes : bytes.subarray(0, end));
  if (name === "") return bindTo(socket, 0);
  const { fields, call, layout } = socket;
  const namespace = pointerAt(fields.view, fields.offset + layout.offset("sock_common.skc_net"));
  const index = call.services.sockets?.deviceNamed(namespace, name) ?? 0;
  return index === 0 ? -Errno.ENODEV : bindTo(socket, index);
}

/** Options of level SOL_SOCKET that `sol_socket_sockopt` lets programs ask for. */
export const SOCKET_OPTIONS: ReadonlyMap<number, IntegerOption> = new Map<number, IntegerOption>([
  [
    Option.REUSEADDR,
    {
      get: ({ fields }) => fields.get("sock_common.skc_reuse"),
      set: ({ fields }, value) => {
        fields.set("sock_common.skc_reuse", value === 0 ? 0 : 1);
        return 0;
      },
    },
  ],
  [Option.SNDBUF, bufferOption("sock.sk_sndbuf", UserLock.SNDBUF, (socket) => 2 * leastBuffer(socket))],
  [Option.RCVBUF, bufferOption("sock.sk_rcvbuf", UserLock.RCVBUF, leastBuffer)],
  [
    Option.KEEPALIVE,
    {
      get: ({ fields }) => ((fields.get(FLAGS) & KEEPOPEN) === 0 ? 0 : 1),
      set: ({ fields }, value) => {
        fields.set(FLAGS, value === 0 ? fields.get(FLAGS) & ~KEEPOPEN : fields.get(FLAGS) | KEEPOPEN);
        return 0;
      },
    },
  ],
  [Option.PRIORITY, memberOption("sock.sk_priority")],
  [
    Option.REUSEPORT,
    {
      get: ({ fields }) => fields.get("sock_common.skc_reuseport"),
      set: ({ fields, isInternet }, value) => {
        if (value !== 0 && !isInternet) return -Errno.EOPNOTSUPP;
        fields.set("sock_common.skc_reuseport", value === 0 ? 0 : 1);
        return 0;
      },
    },
  ],
  [
    Option.RCVLOWAT,
    {
      get: ({ fields }) => fields.get("sock.sk_rcvlowat"),
      set: (socket, value) => {
        const wanted = value < 0 ? INT_MAX : value;
        if (socket.isTcp) setLowWaterMark(socket, wanted);
        else socket.fields.set("sock.sk_rcvlowat", wanted || 1);
        return 0;
      },
    },
  ],
  [Option.MARK, memberOption("sock.sk_mark")],
  [
    Option.MAX_PACING_RATE,
    {
      get: ({ fields }) => {
        const rate = fields.getWide("sock.sk_max_pacing_rate");
        return rate > 0xffff_ffffn ? -1 : Number(rate);
      },
      set: ({ fields }, value) => {
        const rate = value === -1 ? NO_LIMIT : BigInt(value >>> 0);
        if (rate !== NO_LIMIT && fields.get("sock.sk_pacing_status") === Pacing.NONE)
          fields.set("sock.sk_pacing_status", Pacing.NEEDED);
        fields.setWide("sock.sk_max_pacing_rate", rate);
        if (rate < fields.getWide("sock.sk_pacing_rate")) fields.setWide("sock.sk_pacing_rate", rate);
        return 0;
      },
    },
  ],
  [Option.BINDTOIFINDEX, { get: ({ fields }) => fields.get(BOUND_TO), set: bindTo }],
  [
    Option.TXREHASH,
    {
      refusal: ({ isTcp }) => (isTcp ? 0 : -Errno.EOPNOTSUPP),
      get: ({ fields }) => fields.get("sock.sk_txrehash"),
      set: ({ fields }, value) => {
        if (value < -1 || value > 1) return INVALID;
        const rehash = (value & 0xff) === TXREHASH_DEFAULT ? TXREHASH_ENABLED : value;
        fields.set("sock.sk_txrehash", rehash);
        return 0;
      },
    },
  ],
  [
    SkBpfOption.CB_FLAGS,
    {
      get: ({ fields }) => fields.get("sock.sk_bpf_cb_flags"),
      set: ({ fields }, value) => {
        if ((value & ~CALLBACKS) !== 0) return INVALID;
        fields.set("sock.sk_bpf_cb_flags", value);
        return 0;
      },
    },
  ],
]);
