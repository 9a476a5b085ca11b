import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CGROUP_ROOT, type Cgroup } from "../../../src/kernel/index.ts";
import { encodeStruct, type StructInput } from "../../../src/sys/index.ts";
import { PerfType, perfEventAttr } from "../../../src/uapi/index.ts";
import { enterOwnNamespace } from "../../support/own-namespace.ts";
import type { Pair, Side, Twins } from "../twins.ts";

/** Places that programs are attached to, the same on both kernels: file systems and a network namespace of our own. */
export class Stage implements Disposable {
  readonly twins: Twins;
  readonly #mounts: string[] = [];
  readonly #leave: () => void;
  readonly #tracefs: string;
  readonly #cgroupfs: string;
  /** The folder of all our groups, which Linux has beside others. */
  readonly #own: string;
  readonly #groups: string[] = [];
  /** The group of the unified hierarchy that this process began in. */
  readonly #before = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))![1]!;

  private constructor(twins: Twins, leave: () => void) {
    this.twins = twins;
    this.#leave = leave;
    this.#tracefs = this.#mount("tracefs");
    this.#cgroupfs = this.#mount("cgroup2");
    this.#own = `tsbpf-test-${process.pid}-${Date.now()}`;
    mkdirSync(join(this.#cgroupfs, this.#own));
    twins.kernel.cgroups.create(`/${this.#own}`);
  }

  static async set(twins: Twins): Promise<Stage> {
    return new Stage(twins, await enterOwnNamespace());
  }

  #mount(type: string): string {
    const root = mkdtempSync(join(tmpdir(), `${type}-`));
    const { status, stderr } = spawnSync("mount", ["-t", type, type, root]);
    if (status !== 0) throw new Error(`mount: ${stderr}`);
    this.#mounts.push(root);
    return root;
  }

  /** The number of a trace event. */
  eventId(side: Side, path: string): number {
    const root = side.name === "embedded" ? "/sys/kernel/tracing" : this.#tracefs;
    const bytes = side.port.readFile(`${root}/events/${path}/id`);
    if (typeof bytes === "number") throw new Error(`${side.name}: no event ${path}`);
    return Number(new TextDecoder().decode(bytes));
  }

  /** perf_event_open(2) of both, of CPU 0 unless told. */
  perf(
    attr: StructInput<typeof perfEventAttr> | ((side: Side) => StructInput<typeof perfEventAttr>),
    cpu = 0,
  ): Pair {
    const pair = this.twins.pair((side) => {
      const told = typeof attr === "function" ? attr(side) : attr;
      return side.port.perfEventOpen(encodeStruct(perfEventAttr, { size: 136, ...told }), -1, cpu, -1, 8);
    });
    if (pair.embedded < 0 || pair.linux < 0) throw new Error(`perf: ${pair.embedded}, linux ${pair.linux}`);
    return this.twins.keep(pair);
  }

  trace(path: string, cpu = 0): Pair {
    return this.perf(
      (side) => ({ type: PerfType.TRACEPOINT, config: this.eventId(side, path), samplePeriod: 1 }),
      cpu,
    );
  }

  /** Makes a control group below our own, and opens it. */
  cgroup(path: string): Pair {
    mkdirSync(join(this.#cgroupfs, this.#own, path));
    this.#groups.push(path);
    this.twins.kernel.cgroups.create(`/${this.#own}/${path}`);
    return this.twins.keep(
      this.twins.pair((side) => side.port.open(join(this.#root(side), this.#own, path))),
    );
  }

  #root(side: Side): string {
    return side.name === "embedded" ? CGROUP_ROOT : this.#cgroupfs;
  }

  /** Our network namespace. */
  namespace(): Pair {
    return this.twins.keep(
      this.twins.pair((side) =>
        side.port.open(side.name === "embedded" ? "/proc/self/ns/net" : "/proc/thread-self/ns/net"),
      ),
    );
  }

  /** A pair of veth devices; the number of the first. */
  veth(): number {
    const { status, stderr } = spawnSync("ip", ["link", "add", "va", "type", "veth", "peer", "name", "vb"]);
    if (status !== 0) throw new Error(`ip: ${stderr}`);
    const shown = spawnSync("ip", ["-o", "link", "show", "va"], { encoding: "utf8" }).stdout;
    const ifindex = Number(/^(\d+):/.exec(shown)![1]);
    this.twins.kernel.namespace.addDevice({
      name: "va",
      ifindex,
      nativeXdp: true,
      metadata: ["timestamp", "hash", "vlan"],
    });
    return ifindex;
  }

  /** Moves this process into one of our groups of Linux; null: back to where it was. */
  enter(path: string | null): void {
    const group = join(this.#cgroupfs, path === null ? this.#before : join(this.#own, path));
    writeFileSync(join(group, "cgroup.procs"), `${process.pid}`);
  }

  /** The group of a path in the embedded kernel. */
  group(path: string): Cgroup {
    return this.twins.kernel.cgroups.find(`/${this.#own}/${path}`)!;
  }

  [Symbol.dispose](): void {
    for (const path of this.#groups.toReversed()) remove(join(this.#cgroupfs, this.#own, path));
    remove(join(this.#cgroupfs, this.#own));
    for (const root of this.#mounts) {
      spawnSync("umount", ["-l", root]);
      remove(root);
    }
    this.#leave();
  }
}

/** What cannot go stays: the failure that a test shows is another. */
function remove(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    readFileSync("/proc/self/stat");
  }
}
