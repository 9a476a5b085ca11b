import { describe, expect, it } from "vitest";
import { CaseProgram } from "../../kernel/case-program.ts";

// Not among the cases that are put to Linux: 6.18.44 follows a null pointer.
const PROGRAM = (call: string, callback = "") => `type: syscall
flags: sleepable
types:
  struct job { int n; struct bpf_wq work; };
  struct later { int n; struct bpf_task_work tw; };
  int main(void *ctx);
  static int later(void *map, int *key, void *value);
map jobs: array, key int, value struct job, entries 1
map tasks: array, key int, value struct later, entries 1
map plain: array, key 4, value 16, entries 1
code:
main:
  ${call}
  r0 = 0
  exit
${callback}`;

const CALLBACK = "later:\n  r0 = 0\n  exit\n";

describe("a kfunc that takes a field of a map and the map", () => {
  it("takes no map without such fields", () => {
    const load = (call: string, callback?: string) => () =>
      new CaseProgram(PROGRAM(call, callback), { execute: false });
    expect(load("r1 = %jobs[0]+8; r2 = %jobs; w3 = 0\n  call kfunc bpf_wq_init")).not.toThrow();
    expect(load("r1 = %jobs[0]+8; r2 = %plain; w3 = 0\n  call kfunc bpf_wq_init")).toThrow(
      "workqueue pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0",
    );
    const task = "call bpf_get_current_task_btf\n  r1 = r0; r2 = %tasks[0]+8";
    const schedule = "r4 = subprog[later]; r5 = 0\n  call kfunc bpf_task_work_schedule_signal_impl";
    expect(load(`${task}; r3 = %tasks; ${schedule}`, CALLBACK)).not.toThrow();
    expect(load(`${task}; r3 = %plain; ${schedule}`, CALLBACK)).toThrow(
      "bpf_task_work pointer in R2 map_uid=0 doesn't match map pointer in R3 map_uid=0",
    );
  });
});
