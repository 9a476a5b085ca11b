import { describe, expect, it } from "vitest";
import { openKernel } from "../../src/node/kernels.ts";
import { tsbpf } from "./fake-io.ts";

const NEWER = "testdata/objects/newer-linux.bpf.o";
const PARTS = "testdata/objects/newer-linux-parts.bpf.o";

/** A kernel as the command line opens it: with the types of the release. */
const verify = (...words: readonly string[]) => tsbpf(["verify", ...words], { openKernel });

describe("verify --kernel-version", () => {
  it("accepts what the release has", async () => {
    const { status, stdout } = await verify(NEWER, "--prog", "old", "--kernel-version", "6.1");
    expect(stdout).toMatch(/^old: accepted/);
    expect(status).toBe(0);
  });

  it("says which release brought a helper", async () => {
    const { status, stdout } = await verify(NEWER, "--prog", "helper", "--kernel-version", "6.1");
    expect(status).toBe(1);
    expect(stdout).toContain("error[unknown-helper]: bpf_cgrp_storage_get is not in Linux 6.1 (since 6.2)\n");
    expect(stdout).toContain("invalid func unknown#210");
    expect(stdout).toContain("newer-linux.bpf.c:27");
  });

  it.each([
    [NEWER, "type", "programs of type netfilter are not in Linux 6.1 (since 6.4): "],
    [PARTS, "map", "maps of type arena are not in Linux 6.1 (since 6.9): "],
    [PARTS, "function", "bpf_rcu_read_lock is not in Linux 6.1 (6.18 has it); bpf_rcu_read_unlock is"],
  ])("says what keeps %s %s from being loaded", async (object, program, reason) => {
    const { stdout } = await verify(object, "--prog", program, "--kernel-version", "6.1");
    expect(stdout).toContain(`${program}: not verified\n  ${reason}`);
  });

  it("takes all of it in 6.18", async () => {
    const { status, stdout } = await verify(PARTS, "--kernel-version", "6.18");
    expect(stdout).toContain("2 of 2 programs accepted");
    expect(status).toBe(0);
  });

  it("has no other releases", async () => {
    const { status, stderr } = await verify(NEWER, "--kernel-version", "5.15");
    expect(status).toBe(2);
    expect(stderr).toContain(
      "the verifier of Linux 5.15 is not supported: this version of tsbpf has those of 6.18 and 6.1",
    );
  });
});

describe("verify --rights", () => {
  const old = (rights: string) => verify(NEWER, "--prog", "old", "--rights", rights);

  it.each(["all", "cap_bpf,cap_net_admin", "CAP_SYS_ADMIN"])(
    "%s are enough for the network",
    async (rights) => {
      expect((await old(rights)).status).toBe(0);
    },
  );

  it.each([
    ["none", "CAP_BPF and CAP_NET_ADMIN"],
    ["cap_bpf", "CAP_NET_ADMIN"],
    ["bpf,perfmon", "CAP_NET_ADMIN"],
  ])("%s are not, and it says what is missing", async (rights, missing) => {
    const { stdout } = await old(rights);
    expect(stdout).toContain(`programs of type sched_cls need ${missing}: `);
  });

  it("are those that there are", async () => {
    const { status, stderr } = await old("cap_foo");
    expect(status).toBe(2);
    expect(stderr).toContain("--rights: expected all, none or some of cap_bpf, cap_perfmon");
  });
});
