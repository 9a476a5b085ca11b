import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { createHash, refusal } from "./support.ts";

describe("the BPF file system", () => {
  const kernel = new EmbeddedKernel();
  const fd = createHash(kernel);
  const pin = (pathname: string) => refusal(() => kernel.objPin({ pathname, bpfFd: fd }));
  const open = (pathname: string) => refusal(() => kernel.close(kernel.objGet({ pathname })));

  it("pins in directories", () => {
    expect(kernel.port.makeDirectory("/sys/fs/bpf/dir")).toBe(0);
    expect(pin("/sys/fs/bpf/dir/map")).toBe("granted");
    expect(pin("/sys/fs/bpf//dir/./other")).toBe("granted");
    expect(kernel.port.readDirectory("/sys/fs/bpf/dir")).toEqual(["map", "other"]);
    expect(open("/sys/fs/bpf/dir/../dir/map")).toBe("granted");
  });

  it("says what is wrong with a path", () => {
    expect(pin("/sys/fs/bpf/dir/map")).toBe("EEXIST");
    expect(pin("/sys/fs/bpf/dir")).toBe("EEXIST");
    expect(pin("/sys/fs/bpf/none/map")).toBe("ENOENT");
    expect(pin("/sys/fs/bpf/dir/map/deeper")).toBe("ENOTDIR");
    expect(pin("/sys/fs/bpf/with.dot")).toBe("EPERM");
    expect(pin("/sys/other")).toBe("EPERM");
    expect(pin("/nowhere/at/all")).toBe("ENOENT");
    expect(pin("")).toBe("ENOENT");
    expect(pin(`/sys/fs/bpf/${"n".repeat(256)}`)).toBe("ENAMETOOLONG");
    expect(open("/sys/fs/bpf/dir")).toBe("EACCES");
    expect(open("/sys/fs/bpf/missing")).toBe("ENOENT");
  });

  it("keeps users from what is not theirs", () => {
    const user = kernel.process({ uid: 1000, caps: ["BPF"] });
    const openBy = (who: typeof user, fileFlags: number) =>
      refusal(() => who.close(who.objGet({ pathname: "/sys/fs/bpf/dir/map", fileFlags })));
    expect([0, 8, 16].map((flags) => openBy(user, flags))).toEqual(["EACCES", "EACCES", "EACCES"]);
    expect(openBy(kernel, 8)).toBe("granted");
    expect(user.port.remove("/sys/fs/bpf/dir/map")).toBe(-13);
    expect(user.port.makeDirectory("/sys/fs/bpf/dir/own")).toBe(-13);
    // Like /tmp: there is room for everyone at the top.
    expect(user.port.makeDirectory("/sys/fs/bpf/own")).toBe(0);
    const other = kernel.process({ uid: 1001, caps: ["BPF"] });
    expect(other.port.remove("/sys/fs/bpf/own")).toBe(-1);
    expect(user.port.remove("/sys/fs/bpf/own")).toBe(0);
    const strong = kernel.process({ uid: 1002, caps: ["BPF", "DAC_OVERRIDE"] });
    expect(openBy(strong as typeof user, 0)).toBe("granted");
  });

  it("takes nothing from a process that has ended", () => {
    const ended = kernel.process({});
    ended.exit();
    expect(ended.port.makeDirectory("/sys/fs/bpf/late")).toBe(-3);
  });

  it("removes pins and empty directories", () => {
    const { port } = kernel;
    expect(port.remove("/sys/fs/bpf/dir")).toBe(-39);
    expect(port.remove("/sys/fs/bpf/dir/map")).toBe(0);
    expect(port.remove("/sys/fs/bpf/dir/map")).toBe(-2);
    expect(port.remove("/sys/fs/bpf/dir/other")).toBe(0);
    expect(port.remove("/sys/fs/bpf/dir")).toBe(0);
    expect(port.remove("/sys/fs/bpf")).toBe(-16);
    expect(port.readDirectory("/sys/fs/bpf")).toEqual([]);
  });
});
