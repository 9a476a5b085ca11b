import { describe, expect, it } from "vitest";
import { defaultLayout, formatFile, isKnownTracepoint, TraceEvents } from "../../../src/platform/index.ts";

const events = new TraceEvents(defaultLayout().btf);

describe("the trace events of a kernel with the default types", () => {
  it("have the format that tools parse", () => {
    const text = formatFile(events.find("sched", "sched_process_exec")!);
    expect(text).toContain("\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;\n");
    expect(text).toContain("\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;\n");
    expect(text).toContain('print fmt: "filename=%s pid=%d old_pid=%d", __get_str(filename), REC->pid');
  });

  it("are found by name and by number", () => {
    for (const event of events.values()) {
      expect(events.byId(event.id)).toBe(event);
      expect(events.find(event.category, event.name)).toBe(event);
    }
    expect(events.find("sched", "sched_nothing")).toBeUndefined();
    expect(events.names("nothing")).toEqual([]);
  });

  it("know what system calls take", () => {
    const { fields, size, syscall } = events.find("syscalls", "sys_enter_openat")!;
    expect(fields.map(({ name, offset }) => [name, offset])).toEqual([
      ["__syscall_nr", 8],
      ["dfd", 16],
      ["filename", 24],
      ["flags", 32],
      ["mode", 40],
    ]);
    expect([size, syscall]).toEqual([48, { name: "openat", exit: false }]);
  });

  it("stand for tracepoints, but for those of system calls", () => {
    expect(isKnownTracepoint("sched_wakeup")).toBe(true);
    expect(isKnownTracepoint("sys_enter")).toBe(true);
    expect(isKnownTracepoint("sys_enter_openat")).toBe(false);
    expect(isKnownTracepoint("print")).toBe(false);
  });
});
