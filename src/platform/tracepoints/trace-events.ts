import { type Btf, BtfKind } from "../../btf/index.ts";
import { SYSCALL_PARAMETERS, TRACE_EVENTS } from "../generated/tracepoints.ts";
import { type RecordField, recordFields } from "./record-fields.ts";

/** An event that tracefs lists, and what its record is. */
export interface TraceEvent {
  /** The folder it is in: `"sched"`. */
  readonly category: string;
  readonly name: string;
  /** What perf_event_open(2) calls it by, above 0. */
  readonly id: number;
  /** Behind the fields that all events have. */
  readonly fields: readonly RecordField[];
  /** Bytes of the record without its dynamic data. */
  readonly size: number;
  /** Of an event of the entry or exit of one system call: its name and which; null of all others. */
  readonly syscall: { readonly name: string; readonly exit: boolean } | null;
}

/** `struct trace_entry`: type, flags, preemption count, task. */
export const TRACE_ENTRY_SIZE = 8;

/** Events are numbered from here on, as on Linux, where functions of the tracer itself come first. */
const FIRST_ID = 32;

const CALL_NUMBER = { name: "__syscall_nr", text: "int __syscall_nr", offset: 8, size: 4, signed: true };

/** The trace events of a kernel: those of Linux 6.18 whose records its types describe. */
export class TraceEvents {
  readonly #byName = new Map<string, TraceEvent>();
  readonly #byId = new Map<number, TraceEvent>();
  readonly #categories = new Map<string, string[]>();

  constructor(btf: Btf) {
    let id = FIRST_ID;
    const add = (event: Omit<TraceEvent, "id">) => {
      const numbered = { ...event, id: id++ };
      this.#byName.set(`${event.category}:${event.name}`, numbered);
      this.#byId.set(numbered.id, numbered);
      const names = this.#categories.get(event.category);
      if (names === undefined) this.#categories.set(event.category, [event.name]);
      else names.push(event.name);
    };
    for (const [category, names] of Object.entries(TRACE_EVENTS)) {
      for (const entry of names.split(" ")) {
        const [name, type = name] = entry.split("=") as [string, string?];
        const struct = btf.findByName(`trace_event_raw_${type}`, BtfKind.STRUCT);
        if (struct === 0) continue;
        const fields = recordFields(btf, struct);
        const dynamic = btf.memberName(struct, btf.vlen(struct) - 1) === "__data";
        // Dynamic data begins where the struct's last member does.
        const size = dynamic ? btf.memberBitOffset(struct, btf.vlen(struct) - 1) >> 3 : btf.size(struct);
        add({ category, name, fields, size, syscall: null });
      }
    }
    for (const [call, parameters] of Object.entries(SYSCALL_PARAMETERS)) {
      add(syscallEnter(call, parameters));
      add(syscallExit(call));
    }
  }

  /** An event by category and name; undefined where there is none. */
  find(category: string, name: string): TraceEvent | undefined {
    return this.#byName.get(`${category}:${name}`);
  }

  byId(id: number): TraceEvent | undefined {
    return this.#byId.get(id);
  }

  /** Names of the folders of events. */
  categories(): readonly string[] {
    return [...this.#categories.keys()];
  }

  /** Names of the events of a category; none where there is no such category. */
  names(category: string): readonly string[] {
    return this.#categories.get(category) ?? [];
  }

  values(): IterableIterator<TraceEvent> {
    return this.#byId.values();
  }
}

/** `struct syscall_trace_enter`: each argument takes a word. */
function syscallEnter(call: string, parameters: string): Omit<TraceEvent, "id"> {
  const fields: RecordField[] = [{ ...CALL_NUMBER, dynamic: null, array: false }];
  for (const [index, text] of (parameters === "" ? [] : parameters.split(", ")).entries()) {
    const name = /(\w+)$/.exec(text)![1]!;
    fields.push({ name, text, offset: 16 + 8 * index, size: 8, signed: false, dynamic: null, array: false });
  }
  const size = 16 + 8 * (fields.length - 1);
  return {
    category: "syscalls",
    name: `sys_enter_${call}`,
    fields,
    size,
    syscall: { name: call, exit: false },
  };
}

/** `struct syscall_trace_exit` */
function syscallExit(call: string): Omit<TraceEvent, "id"> {
  const result = { name: "ret", text: "long ret", offset: 16, size: 8, signed: true } as const;
  const fields = [CALL_NUMBER, result].map((field) => ({ ...field, dynamic: null, array: false }));
  return {
    category: "syscalls",
    name: `sys_exit_${call}`,
    fields,
    size: 24,
    syscall: { name: call, exit: true },
  };
}

/** The text of an event's `format` file; how it would be printed is our own. */
export function formatFile({ name, id, fields }: TraceEvent): string {
  const line = ({ text, offset, size, signed }: Pick<RecordField, "text" | "offset" | "size" | "signed">) =>
    `\tfield:${text};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};\n`;
  const pattern = fields.map((field) => `${field.name}=${printedAs(field)}`).join(" ");
  const values = fields.map((field) => `, ${printed(field)}`).join("");
  return `name: ${name}
ID: ${id}
format:
${COMMON.map(line).join("")}
${fields.map(line).join("")}
print fmt: "${pattern}"${values}
`;
}

/** `trace_define_common_fields` */
const COMMON = [
  { text: "unsigned short common_type", offset: 0, size: 2, signed: false },
  { text: "unsigned char common_flags", offset: 2, size: 1, signed: false },
  { text: "unsigned char common_preempt_count", offset: 3, size: 1, signed: false },
  { text: "int common_pid", offset: 4, size: 4, signed: true },
] as const;

function printedAs({ array, dynamic, size, signed }: RecordField): string {
  if (array || dynamic !== null) return "%s";
  if (size === 8) return signed ? "%lld" : "0x%llx";
  return signed ? "%d" : "%u";
}

function printed({ name, dynamic, size, array }: RecordField): string {
  if (dynamic === "relative") return `__get_rel_str(${name})`;
  if (dynamic === "data") return `__get_str(${name})`;
  return size === 8 && !array ? `((unsigned long long)(REC->${name}))` : `REC->${name}`;
}

/**
 * How many arguments the probes of a tracepoint get, as the kernel's BTF has it (`btf_trace_NAME`); null where it has
 * no such tracepoint.
 */
export function tracepointArguments(btf: Btf, name: string): number | null {
  const typedef = btf.findByName(`btf_trace_${name}`, BtfKind.TYPEDEF);
  if (typedef === 0) return null;
  const pointer = btf.ref(typedef);
  const prototype = btf.kind(pointer) === BtfKind.PTR ? btf.ref(pointer) : 0;
  // The first is what the probe was registered with.
  return btf.kind(prototype) === BtfKind.FUNC_PROTO ? btf.vlen(prototype) - 1 : null;
}

/** Categories whose events no tracepoint is behind. */
const NO_TRACEPOINTS: ReadonlySet<string> = new Set(["ftrace", "syscalls"]);

/** Whether Linux 6.18 has a tracepoint of a name, for kernels whose types know of none. */
export function isKnownTracepoint(name: string): boolean {
  return Object.entries(TRACE_EVENTS).some(
    ([category, names]) =>
      !NO_TRACEPOINTS.has(category) && names.split(" ").some((entry) => entry.split("=")[0] === name),
  );
}
