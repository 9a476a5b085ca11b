import { TcpBpfOption } from "../../uapi/index.ts";
import { SocketState } from "../socket-state.ts";
import { TICKS_PER_SECOND } from "../system.ts";
import { leastBuffer } from "./least-buffer.ts";
import { INVALID, type IntegerOption, memberOption, type OptionSocket, UserLock } from "./option.ts";

/** `TCP_*` */
const Option = {
  NODELAY: 1,
  MAXSEG: 2,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  SYNCNT: 7,
  WINDOW_CLAMP: 10,
  THIN_LINEAR_TIMEOUTS: 16,
  USER_TIMEOUT: 18,
  NOTSENT_LOWAT: 25,
  SAVE_SYN: 27,
  RTO_MAX_MS: 44,
} as const;

/** What is not an integer, and has rules of its own. */
export const CONGESTION = 13;
export const SAVED_SYN = 28;

/** `TCP_NAGLE_OFF`, `TCP_NAGLE_PUSH` */
const Nagle = { OFF: 1, PUSH: 4 } as const;
/** `TCP_MIN_MSS`, `MAX_TCP_WINDOW` */
const Segment = { LEAST: 88, MOST: 32767 } as const;
/** `net.ipv4.tcp_keepalive_*` in seconds, and `tcp_syn_retries`. */
const Sysctl = { KEEPALIVE_TIME: 7200, KEEPALIVE_INTERVAL: 75, KEEPALIVE_PROBES: 9, SYN_RETRIES: 6 } as const;
/** Half of the last of `net.ipv4.tcp_rmem`. */
const LOW_WATER_MOST = (32 << 20) / 2;
/** Bytes of memory for one of the window (`TCP_DEFAULT_SCALING_RATIO`). */
const SPACE_OF_WINDOW = 2;

const MICROSECONDS_OF_TICK = 1e6 / TICKS_PER_SECOND;
const MILLISECONDS_OF_TICK = 1e3 / TICKS_PER_SECOND;
/** `TCP_TIMEOUT_MIN`, and `TCP_RTO_MIN` or `TCP_DELACK_MAX`, in ticks. */
const Timeout = { LEAST: 2, MOST: TICKS_PER_SECOND / 5 } as const;
/** Milliseconds of `icsk_rto_max`. */
const RtoMax = { LEAST: 1000, MOST: 120_000 } as const;
/** `BPF_SOCK_OPS_ALL_CB_FLAGS` */
const ALL_CALLBACKS = 0x7f;

/** Seconds that are kept in ticks; 0 stands for what the namespace says. */
function secondsOption(path: string, otherwise: number): IntegerOption {
  return {
    get: ({ fields }) => {
      const ticks = fields.get(path);
      return ticks === 0 ? otherwise : Math.floor(ticks / TICKS_PER_SECOND);
    },
    set: ({ fields }, value) => {
      if (value < 1 || value > 32767) return INVALID;
      fields.set(path, value * TICKS_PER_SECOND);
      return 0;
    },
  };
}

/** A small number of times; 0 stands for what the namespace says. */
function timesOption(path: string, otherwise: number): IntegerOption {
  return { get: ({ fields }) => fields.get(path) || otherwise, set: memberOption(path, 1, 127).set };
}

/** Microseconds that are kept in ticks. */
function timeoutOption(path: string): IntegerOption {
  return {
    get: ({ fields }) => fields.get(path) * MICROSECONDS_OF_TICK,
    set: ({ fields }, value) => {
      const ticks = Math.ceil((value >>> 0) / MICROSECONDS_OF_TICK);
      if (ticks > Timeout.MOST || ticks < Timeout.LEAST) return INVALID;
      fields.set(path, ticks);
      return 0;
    },
  };
}

/** An option that programs can only set. */
function setOnly(set: IntegerOption["set"]): IntegerOption {
  return { refusal: ({ isRead }) => (isRead ? INVALID : 0), get: () => 0, set };
}

/** `tcp_set_window_clamp` */
function clampWindow(socket: OptionSocket, value: number): number {
  const { fields, state } = socket;
  if (value === 0) {
    if (state !== SocketState.CLOSE) return INVALID;
    fields.set("tcp_sock.window_clamp", 0);
    return 0;
  }
  const before = fields.get("tcp_sock.window_clamp");
  const clamp = Math.max(leastBuffer(socket) / 2, value);
  if (clamp === before) return 0;
  fields.set("tcp_sock.window_clamp", clamp);
  const threshold = fields.get("tcp_sock.rcv_ssthresh");
  const grown = Math.max(Math.min(fields.get("tcp_sock.rcv_wnd"), clamp), threshold);
  fields.set("tcp_sock.rcv_ssthresh", clamp < before ? Math.min(threshold, clamp) : grown);
  return 0;
}

/** `tcp_set_rcvlowat`: the receive buffer grows, so that so many bytes can come together. */
export function setLowWaterMark({ fields }: OptionSocket, value: number): void {
  const locked = (fields.get("sock.sk_userlocks") & UserLock.RCVBUF) !== 0;
  const size = fields.get("sock.sk_rcvbuf");
  const mark = Math.min(value, locked ? size >>> 1 : LOW_WATER_MOST);
  fields.set("sock.sk_rcvlowat", mark || 1);
  const space = mark * SPACE_OF_WINDOW;
  if (locked || space <= size) return;
  fields.set("sock.sk_rcvbuf", space);
  const clamp = fields.get("tcp_sock.window_clamp");
  if (clamp !== 0 && clamp < mark) fields.set("tcp_sock.window_clamp", mark);
}

/** Options of level SOL_TCP that `sol_tcp_sockopt` lets programs ask for. */
export const TCP_OPTIONS: ReadonlyMap<number, IntegerOption> = new Map<number, IntegerOption>([
  [
    Option.NODELAY,
    {
      get: ({ fields }) => fields.get("tcp_sock.nonagle") & Nagle.OFF,
      set: ({ fields }, value) => {
        const nagle = fields.get("tcp_sock.nonagle");
        fields.set("tcp_sock.nonagle", value === 0 ? nagle & ~Nagle.OFF : nagle | Nagle.OFF | Nagle.PUSH);
        return 0;
      },
    },
  ],
  [
    Option.MAXSEG,
    {
      get: ({ fields, state }) => {
        const wanted = fields.get("tcp_sock.rx_opt.user_mss");
        const unconnected = state === SocketState.CLOSE || state === SocketState.LISTEN;
        return wanted !== 0 && unconnected ? wanted : fields.get("tcp_sock.mss_cache");
      },
      set: ({ fields }, value) => {
        if (value !== 0 && (value < Segment.LEAST || value > Segment.MOST)) return INVALID;
        fields.set("tcp_sock.rx_opt.user_mss", value);
        return 0;
      },
    },
  ],
  [Option.KEEPIDLE, secondsOption("tcp_sock.keepalive_time", Sysctl.KEEPALIVE_TIME)],
  [Option.KEEPINTVL, secondsOption("tcp_sock.keepalive_intvl", Sysctl.KEEPALIVE_INTERVAL)],
  [Option.KEEPCNT, timesOption("tcp_sock.keepalive_probes", Sysctl.KEEPALIVE_PROBES)],
  [Option.SYNCNT, timesOption("inet_connection_sock.icsk_syn_retries", Sysctl.SYN_RETRIES)],
  [Option.WINDOW_CLAMP, { get: ({ fields }) => fields.get("tcp_sock.window_clamp"), set: clampWindow }],
  [Option.THIN_LINEAR_TIMEOUTS, memberOption("tcp_sock.thin_lto", 0, 1)],
  [Option.USER_TIMEOUT, memberOption("inet_connection_sock.icsk_user_timeout", 0)],
  [Option.NOTSENT_LOWAT, memberOption("tcp_sock.notsent_lowat")],
  [Option.SAVE_SYN, memberOption("tcp_sock.save_syn", 0, 2)],
  [
    Option.RTO_MAX_MS,
    {
      get: ({ fields }) => fields.get("inet_connection_sock.icsk_rto_max") * MILLISECONDS_OF_TICK,
      set: ({ fields }, value) => {
        if (value < RtoMax.LEAST || value > RtoMax.MOST) return INVALID;
        fields.set("inet_connection_sock.icsk_rto_max", Math.ceil(value / MILLISECONDS_OF_TICK));
        return 0;
      },
    },
  ],
  [
    TcpBpfOption.IW,
    setOnly(({ fields }, value) => {
      if (value <= 0 || fields.get("tcp_sock.data_segs_out") > fields.get("tcp_sock.syn_data"))
        return INVALID;
      fields.set("tcp_sock.snd_cwnd", value);
      return 0;
    }),
  ],
  [
    TcpBpfOption.SNDCWND_CLAMP,
    setOnly(({ fields }, value) => {
      if (value <= 0) return INVALID;
      fields.set("tcp_sock.snd_cwnd_clamp", value);
      fields.set("tcp_sock.snd_ssthresh", value);
      return 0;
    }),
  ],
  [TcpBpfOption.DELACK_MAX, timeoutOption("inet_connection_sock.icsk_delack_max")],
  [TcpBpfOption.RTO_MIN, timeoutOption("inet_connection_sock.icsk_rto_min")],
  [
    TcpBpfOption.SOCK_OPS_CB_FLAGS,
    {
      get: ({ fields }) => fields.get("tcp_sock.bpf_sock_ops_cb_flags"),
      set: ({ fields }, value) => {
        if ((value & ~ALL_CALLBACKS) !== 0) return INVALID;
        fields.set("tcp_sock.bpf_sock_ops_cb_flags", value);
        return 0;
      },
    },
  ],
]);
