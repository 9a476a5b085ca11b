import type { KernelLayout } from "../../platform/index.ts";
import type { HelperCall } from "../helper.ts";
import { StructFields } from "../struct-fields.ts";

/** `SOL_*`: whose option it is. */
export const Level = { IP: 0, SOCKET: 1, TCP: 6, IPV6: 41 } as const;

export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;

/** `sk_userlocks`: what somebody has said, and the kernel no longer chooses. */
export const UserLock = { SNDBUF: 1, RCVBUF: 2 } as const;

/** A socket whose options are asked for. */
export class OptionSocket {
  readonly call: HelperCall;
  readonly layout: KernelLayout;
  readonly fields: StructFields;
  /** Whether the option is copied out. */
  readonly isRead: boolean;

  constructor(call: HelperCall, layout: KernelLayout, offset: number, isRead: boolean) {
    this.isRead = isRead;
    this.call = call;
    this.layout = layout;
    this.fields = new StructFields(call.memory.view(), layout, offset);
  }

  get state(): number {
    return this.fields.get("sock_common.skc_state");
  }

  get family(): number {
    return this.fields.get("sock_common.skc_family");
  }

  get isStream(): boolean {
    return this.fields.get("sock.sk_type") === SOCK_STREAM;
  }

  /** `sk_is_inet` */
  get isInternet(): boolean {
    return this.family === AF_INET || this.family === AF_INET6;
  }

  /** Whether its packets may be of IPv4: as Linux 6.18.44 asks, also of a socket of IPv6 that is not for that alone. */
  get speaksIpv4(): boolean {
    const { family } = this;
    return family === AF_INET || (family === AF_INET6 && this.fields.get("sock_common.skc_ipv6only") === 0);
  }

  get hasTcp(): boolean {
    return this.fields.get("sock.sk_protocol") === IPPROTO_TCP;
  }

  /** `sk_is_tcp` */
  get isTcp(): boolean {
    return this.isInternet && this.isStream && this.hasTcp;
  }
}

/** An option that is an `int`. */
export interface IntegerOption {
  /** A negative errno where the socket has no such option. */
  readonly refusal?: (socket: OptionSocket) => number;
  readonly get: (socket: OptionSocket) => number;
  /** @param value signed. @returns 0 or a negative errno. */
  readonly set: (socket: OptionSocket, value: number) => number;
}

/** An option that is a member as it stands, of values in a range; EINVAL for others. */
export function memberOption(path: string, least = -(2 ** 31), most = 2 ** 31 - 1): IntegerOption {
  return {
    get: ({ fields }) => fields.get(path),
    set: ({ fields }, value) => {
      if (value < least || value > most) return INVALID;
      fields.set(path, value);
      return 0;
    },
  };
}

/** -EINVAL */
export const INVALID = -22;
