import { describe, expect, it } from "vitest";
import {
  attachTypeNames,
  BpfAttachTypeNames,
  BpfCmdNames,
  BpfFuncId,
  BpfMapTypeNames,
  commandName,
  Errno,
  errnoMessage,
  errnoName,
  helperName,
  linkTypeNames,
  mapTypeNames,
  namesByValue,
  progTypeNames,
} from "../../src/uapi/index.ts";
import { describeWith, golden } from "../support/referee.ts";

describe("names of error numbers", () => {
  it("gives name and message", () => {
    expect(errnoName(2)).toBe("ENOENT");
    expect(errnoMessage(2)).toBe("No such file or directory");
    expect(errnoMessage(11)).toBe("Resource temporarily unavailable");
    expect(errnoName(11)).toBe("EAGAIN");
    expect(Errno.E2BIG).toBe(7);
  });

  it("knows the kernel's own, which the C library does not", () => {
    expect(errnoName(524)).toBe("ENOTSUPP");
    expect(errnoMessage(524)).toBe("Unknown error 524");
  });

  it("has an answer for any number", () => {
    expect(errnoName(9999)).toBe("errno 9999");
    expect(errnoMessage(9999)).toBe("Unknown error 9999");
    expect(errnoMessage(0)).toBe("Success");
  });
});

describe("names of helpers and commands", () => {
  it("has the 211 helpers of Linux 6.18, with no gap", () => {
    expect(Object.keys(BpfFuncId)).toHaveLength(212);
    for (let id = 0; id <= 211; id++) expect(helperName(id)).toBeDefined();
    expect(helperName(212)).toBeUndefined();
    expect(helperName(1)).toBe("map_lookup_elem");
    expect(helperName(211)).toBe("cgrp_storage_delete");
  });

  it("has the 38 commands", () => {
    expect(BpfCmdNames).toHaveLength(38);
    expect(commandName(10)).toBe("BPF_PROG_TEST_RUN");
    expect(commandName(38)).toBe("command 38");
  });

  it("prefers the name that is not deprecated", () => {
    expect(BpfMapTypeNames[19]).toBe("BPF_MAP_TYPE_CGROUP_STORAGE");
    expect(BpfMapTypeNames[21]).toBe("BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE");
  });

  it("has no holes", () => {
    for (const names of [BpfCmdNames, BpfMapTypeNames, BpfAttachTypeNames, progTypeNames, linkTypeNames]) {
      expect(names).not.toContain(undefined);
      expect(Object.keys(names)).toHaveLength(names.length);
    }
  });

  it("takes the first of two names for one value", () => {
    expect([...namesByValue({ a: 1, b: 2, c: 1 })]).toEqual([
      [1, "a"],
      [2, "b"],
    ]);
  });
});

const builtins = ["map_types", "prog_types", "attach_types", "link_types", "helpers"].map((what) =>
  golden(`bpftool-7.8/feature_builtins_${what}.txt`),
);

describeWith(builtins, "bpftool's names", () => {
  const helpers = Array.from({ length: 212 }, (_, id) => `bpf_${helperName(id)}`);
  const ours = [mapTypeNames, progTypeNames, attachTypeNames, linkTypeNames, helpers];
  it.each(builtins.map((file, index) => [file.path, index] as const))("%s", (_path, index) => {
    // The file: the command, one name a line, the exit status. bpftool 7.8 knows types newer than Linux 6.18.
    const names = builtins[index]!.text().trimEnd().split("\n").slice(1, -1);
    expect(names.slice(0, ours[index]!.length)).toEqual(ours[index]);
  });
});
