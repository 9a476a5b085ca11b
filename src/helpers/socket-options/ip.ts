import { pointerAt } from "../objects/pointer-word.ts";
import { StructFields } from "../struct-fields.ts";
import { INVALID, type IntegerOption, type OptionSocket } from "./option.ts";

const IP_TOS = 1;
const IPV6_TCLASS = 67;
const IPV6_AUTOFLOWLABEL = 70;

/** `INET_ECN_MASK`: bits that TCP sets for itself. */
const ECN = 3;
/** `ip_tos2prio`, by pairs: what a type of service means for the queue. */
const PRIORITY_OF_TOS: readonly number[] = [0, 0, 2, 2, 6, 6, 4, 4];
/** `IPTOS_TOS_MASK` */
const TOS_MASK = 0x1e;

/** `INET_FLAGS_AUTOFLOWLABEL_SET`, `INET_FLAGS_AUTOFLOWLABEL` in `inet_flags`. */
const FLOW_LABEL_SET = 1 << 23;
const FLOW_LABEL = 1 << 24;

/** What ECN has of an octet stays where a stream is asked for another. */
function keepingEcn({ isStream }: OptionSocket, value: number, before: number): number {
  return isStream ? (value & ~ECN) | (before & ECN) : value;
}

/** Options of level SOL_IP that `sol_ip_sockopt` lets programs ask for. */
export const IP_OPTIONS: ReadonlyMap<number, IntegerOption> = new Map<number, IntegerOption>([
  [
    IP_TOS,
    {
      get: ({ fields }) => fields.get("inet_sock.tos"),
      // `__ip_sock_set_tos`: no value is refused.
      set: (socket, value) => {
        const { fields } = socket;
        const before = fields.get("inet_sock.tos");
        const tos = keepingEcn(socket, value, before);
        if (tos === before) return 0;
        fields.set("inet_sock.tos", tos);
        fields.set("sock.sk_priority", PRIORITY_OF_TOS[(tos & TOS_MASK) >> 2]!);
        return 0;
      },
    },
  ],
]);

/** `struct ipv6_pinfo` of a socket. */
function ipv6Of({ fields, layout }: OptionSocket): StructFields {
  const at = pointerAt(fields.view, fields.offset + layout.offset("inet_sock.pinet6"));
  return new StructFields(fields.view, layout, at);
}

/** Options of level SOL_IPV6 that `sol_ipv6_sockopt` lets programs ask for. */
export const IPV6_OPTIONS: ReadonlyMap<number, IntegerOption> = new Map<number, IntegerOption>([
  [
    IPV6_TCLASS,
    {
      get: (socket) => ipv6Of(socket).get("ipv6_pinfo.tclass"),
      set: (socket, value) => {
        if (value < -1 || value > 0xff) return INVALID;
        const own = ipv6Of(socket);
        // RFC 3542, 6.5: -1 is the default, 0.
        const wanted = value === -1 ? 0 : value;
        own.set("ipv6_pinfo.tclass", keepingEcn(socket, wanted, own.get("ipv6_pinfo.tclass")));
        return 0;
      },
    },
  ],
  [
    IPV6_AUTOFLOWLABEL,
    {
      get: ({ fields }) => {
        const flags = fields.get("inet_sock.inet_flags");
        // `net.ipv6.auto_flowlabels` is 1: on, unless the socket says otherwise.
        return (flags & FLOW_LABEL_SET) === 0 || (flags & FLOW_LABEL) !== 0 ? 1 : 0;
      },
      set: ({ fields }, value) => {
        const flags = fields.get("inet_sock.inet_flags") | FLOW_LABEL_SET;
        fields.set("inet_sock.inet_flags", value === 0 ? flags & ~FLOW_LABEL : flags | FLOW_LABEL);
        return 0;
      },
    },
  ],
]);
