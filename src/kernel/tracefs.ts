import { utf8 } from "../base/index.ts";
import { formatFile, type TraceEvent } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import type { Machine } from "./machine.ts";
import { DynamicPerfType } from "./perf/perf-open.ts";

const ROOTS = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] as const;

/** What a path is within tracefs; null where it is not there. */
function within(path: string): string | null {
  for (const root of ROOTS) {
    if (path === root) return "";
    if (path.startsWith(`${root}/`)) return path.slice(root.length + 1).replace(/\/+$/, "");
  }
  return null;
}

/** A file of tracefs; undefined for a path elsewhere. Reading trace_pipe consumes. */
export function readTracefs(machine: Machine, path: string): Uint8Array | number | undefined {
  const inner = within(path);
  if (inner === null) return undefined;
  const { events } = machine.tracepoints;
  if (inner === "trace_pipe") return utf8(machine.tracePipe.read());
  if (inner === "available_events") {
    return utf8([...events.values()].map(({ category, name }) => `${category}:${name}\n`).join(""));
  }
  const [folder, category, name, file, ...rest] = inner.split("/");
  if (folder !== "events" || rest.length > 0) return -Errno.ENOENT;
  const event = events.find(category ?? "", name ?? "");
  return event === undefined ? -Errno.ENOENT : eventFile(machine, event, file ?? "");
}

function eventFile(machine: Machine, event: TraceEvent, file: string): Uint8Array | number {
  switch (file) {
    case "format":
      return utf8(formatFile(event));
    case "id":
      return utf8(`${event.id}\n`);
    case "enable":
      return utf8(machine.tracepoints.call(event).users > 0 ? "1\n" : "0\n");
    default:
      return -Errno.ENOENT;
  }
}

/** Names in a folder of tracefs, sorted; undefined for a path elsewhere. */
export function listTracefs(machine: Machine, path: string): readonly string[] | number | undefined {
  const inner = within(path);
  if (inner === null) return undefined;
  const { events } = machine.tracepoints;
  if (inner === "") return ["available_events", "events", "trace_pipe"];
  const [folder, category, name, ...rest] = inner.split("/");
  if (folder !== "events" || rest.length > 0) return -Errno.ENOENT;
  if (category === undefined) return [...events.categories()].sort();
  if (name === undefined) return known([...events.names(category)].sort());
  return events.find(category, name) === undefined ? -Errno.ENOENT : ["enable", "format", "id"];
}

function known(names: readonly string[]): readonly string[] | number {
  return names.length === 0 ? -Errno.ENOENT : names;
}

/** Files of sysfs that say what numbers the kernel gave to types of perf events, and what their configurations mean. */
const PERF_FILES: ReadonlyMap<string, string> = new Map([
  ["kprobe/type", `${DynamicPerfType.KPROBE}\n`],
  ["kprobe/format/retprobe", "config:0\n"],
  ["uprobe/type", `${DynamicPerfType.UPROBE}\n`],
  ["uprobe/format/retprobe", "config:0\n"],
  ["uprobe/format/ref_ctr_offset", "config:32-63\n"],
  ["software/type", "1\n"],
  ["tracepoint/type", "2\n"],
]);

const DEVICES = "/sys/bus/event_source/devices/";

/** A file of the types of perf events; undefined for a path elsewhere. */
export function readPerfDevices(path: string): Uint8Array | number | undefined {
  if (!path.startsWith(DEVICES)) return undefined;
  const text = PERF_FILES.get(path.slice(DEVICES.length));
  return text === undefined ? -Errno.ENOENT : utf8(text);
}
