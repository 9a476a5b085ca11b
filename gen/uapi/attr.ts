import { type Btf, BtfKind } from "../../src/btf/index.ts";
import type { AttrLayout, LayoutField } from "../../src/uapi/layout.ts";
import { fieldsOf, layoutSource } from "./layout.ts";

/**
 * Which member of `union bpf_attr` a command uses (its name, or the first field of a nameless one), and the fields it
 * knows where it shares the member with other commands (kernel/bpf/syscall.c). Everything else comes from BTF.
 */
interface CommandRow {
  readonly member: string;
  readonly only?: readonly string[];
}

const ELEMENT = ["map_fd", "key", "value", "flags"];
const BATCH: CommandRow = { member: "batch" };
const PIN: CommandRow = { member: "pathname" };
const ATTACH: CommandRow = { member: "target_fd" };
const NEXT_ID: CommandRow = { member: "start_id", only: ["start_id", "next_id"] };

const COMMANDS: Readonly<Record<string, CommandRow>> = {
  MAP_CREATE: { member: "map_type" },
  MAP_LOOKUP_ELEM: { member: "map_fd", only: ELEMENT },
  MAP_UPDATE_ELEM: { member: "map_fd", only: ELEMENT },
  MAP_DELETE_ELEM: { member: "map_fd", only: ["map_fd", "key"] },
  MAP_GET_NEXT_KEY: { member: "map_fd", only: ["map_fd", "key", "next_key"] },
  PROG_LOAD: { member: "prog_type" },
  OBJ_PIN: PIN,
  OBJ_GET: PIN,
  PROG_ATTACH: ATTACH,
  PROG_DETACH: ATTACH,
  PROG_TEST_RUN: { member: "test" },
  PROG_GET_NEXT_ID: NEXT_ID,
  MAP_GET_NEXT_ID: NEXT_ID,
  PROG_GET_FD_BY_ID: { member: "start_id", only: ["prog_id"] },
  MAP_GET_FD_BY_ID: { member: "start_id", only: ["map_id", "open_flags"] },
  OBJ_GET_INFO_BY_FD: { member: "info" },
  PROG_QUERY: { member: "query" },
  RAW_TRACEPOINT_OPEN: { member: "raw_tracepoint" },
  BTF_LOAD: { member: "btf" },
  BTF_GET_FD_BY_ID: { member: "start_id", only: ["btf_id", "open_flags", "fd_by_id_token_fd"] },
  TASK_FD_QUERY: { member: "task_fd_query" },
  MAP_LOOKUP_AND_DELETE_ELEM: { member: "map_fd", only: ELEMENT },
  MAP_FREEZE: { member: "map_fd", only: ["map_fd"] },
  BTF_GET_NEXT_ID: NEXT_ID,
  MAP_LOOKUP_BATCH: BATCH,
  MAP_LOOKUP_AND_DELETE_BATCH: BATCH,
  MAP_UPDATE_BATCH: BATCH,
  MAP_DELETE_BATCH: BATCH,
  LINK_CREATE: { member: "link_create" },
  LINK_UPDATE: { member: "link_update" },
  LINK_GET_FD_BY_ID: { member: "start_id", only: ["link_id"] },
  LINK_GET_NEXT_ID: NEXT_ID,
  ENABLE_STATS: { member: "enable_stats" },
  ITER_CREATE: { member: "iter_create" },
  LINK_DETACH: { member: "link_detach" },
  PROG_BIND_MAP: { member: "prog_bind_map" },
  TOKEN_CREATE: { member: "token_create" },
  PROG_STREAM_READ_BY_FD: { member: "prog_stream_read" },
};

/** The commands' layouts as source; `commands` are the names of the enum, all of which must be known here. */
export function attrDeclarations(btf: Btf, commands: readonly string[]): string[] {
  const id = btf.findByName("bpf_attr", BtfKind.UNION);
  const union = btf.type(id);
  if (union.kind !== "UNION") throw new Error("no union bpf_attr in the kernel's BTF");
  const members = new Map<string, { name: string; fields: LayoutField[] }>();
  for (const member of union.members) {
    const fields = fieldsOf(btf, member.type, { addresses: true });
    members.set(member.name || fields[0]!.name, { name: member.name, fields });
  }
  const layouts = commands.map((command) => {
    const row = COMMANDS[command];
    const found = row === undefined ? undefined : members.get(row.member);
    if (row === undefined || found === undefined)
      throw new Error(`no member of union bpf_attr known for ${command}`);
    const { only } = row;
    const fields = only === undefined ? found.fields : found.fields.filter(({ name }) => only.includes(name));
    const size = Math.max(...fields.map((field) => field.offset + field.size));
    const layout: AttrLayout = { member: found.name, size, fields };
    return `  ${command}: ${layoutSource(layout, "  ")},\n`;
  });
  return [
    `/** Bytes of \`union bpf_attr\`: all a kernel of this version takes without looking for zeros behind them. */\nexport const BPF_ATTR_SIZE = ${union.size};`,
    `/** The member of \`union bpf_attr\` that each command of bpf(2) uses. */\nexport const bpfAttr = {\n${layouts.join("")}} as const satisfies Readonly<Record<string, AttrLayout>>;`,
    '/** A command of bpf(2) by name: `"MAP_CREATE"`. */\nexport type BpfAttrCommand = keyof typeof bpfAttr;',
  ];
}
