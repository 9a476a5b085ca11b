import { MAP_OPERATIONS, MapField, MapOperationSlot } from "../maps/index.ts";
import { BpfFuncId, BpfMapType, BpfRedirectFlag, TcAct, XdpAction } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import type { ContextKind } from "./context-kind.ts";
import { emittedHelper } from "./define.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";
import { field } from "./map-field.ts";

const { INGRESS, BROADCAST, EXCLUDE_INGRESS } = BpfRedirectFlag;

/** The flags of `bpf_redirect_map` that it gives back for a miss. */
const ON_MISS = 3;

/** `sizeof(struct bpf_redir_neigh)` */
const NEIGHBOUR = 20;

/**
 * Helpers that say where a packet goes. What they give is for the program to return; nothing is sent before it has, and
 * in a test run nothing is at all.
 */
export function redirectHelpers(kind: ContextKind): readonly Helper[] {
  const [refusal, answer, flags] =
    kind === "xdp" ? [XdpAction.ABORTED, XdpAction.REDIRECT, 0] : [TcAct.SHOT, TcAct.REDIRECT, INGRESS];
  return [
    redirectMap,
    emittedHelper(BpfFuncId.redirect, { args: ["i32", "i64"], result: "i32" }, (f) => {
      emitChoice(f, () => emitUnknown(f, f.params[1]!, () => f.i32.const(flags)), refusal, answer);
    }),
    emittedHelper(BpfFuncId.redirect_peer, { args: ["i32", "i64"], result: "i32" }, (f) => {
      emitChoice(f, () => emitUnknown(f, f.params[1]!, () => f.i32.const(0)), TcAct.SHOT, TcAct.REDIRECT);
    }),
    emittedHelper(BpfFuncId.redirect_neigh, { args: ["i32", "ptr", "i32", "i64"], result: "i32" }, (f) => {
      const [, , size, flags] = f.params as [Local, Local, Local, Local];
      const refused = () => {
        emitUnknown(f, flags, () => f.i32.const(0));
        f.get(size)
          .i32.const(1)
          .i32.sub()
          .i32.const(NEIGHBOUR - 1)
          .i32.ltU()
          .i32.or();
      };
      emitChoice(f, refused, TcAct.SHOT, TcAct.REDIRECT);
    }),
  ];
}

/** Emits whether flags have bits that `known` does not push. */
function emitUnknown(f: FunctionBuilder, flags: Local, known: () => void): void {
  f.get(flags);
  known();
  f.i64.extendI32U().i64.const(-1).i64.xor().i64.and().i64.eqz().i32.eqz();
}

function emitChoice(f: FunctionBuilder, refused: () => void, refusal: number, answer: number): void {
  f.i32.const(refusal).i32.const(answer);
  refused();
  f.select();
}

/** Emits the element of an index: 0 where there is none. */
function emitElement(
  f: FunctionBuilder,
  environment: EmitEnvironment,
  map: Local,
  index: Local,
  element: Local,
): void {
  const lookup = f.local("i32", "lookup");
  field(f, map, MapField.OPERATIONS + 4 * MapOperationSlot.LOOKUP).tee(lookup);
  f.if(() =>
    environment.onStack(
      f,
      () => f.i32.const(8),
      (key) => {
        f.get(key).get(index).i32.store();
        f.get(map).get(key);
        environment.cpu(f);
        f.get(lookup).callIndirect(environment.type(MAP_OPERATIONS.lookup), environment.table).set(element);
      },
    ),
  );
}

/** `__bpf_xdp_redirect_map` */
const redirectMap = emittedHelper(
  BpfFuncId.redirect_map,
  { args: ["ptr", "i32", "i64"], result: "i32" },
  (f, environment) => {
    const [map, index, flags] = f.params as [Local, Local, Local];
    const element = f.local("i32", "element");
    emitUnknown(f, flags, () => {
      f.i32.const(ON_MISS).i32.const(ON_MISS | BROADCAST | EXCLUDE_INGRESS);
      field(f, map, MapField.TYPE).i32.const(BpfMapType.CPUMAP).i32.eq();
      field(f, map, MapField.TYPE).i32.const(BpfMapType.XSKMAP).i32.eq().i32.or();
      f.select();
    });
    f.if(() => f.i32.const(XdpAction.ABORTED).return());
    emitElement(f, environment, map, index, element);
    f.i32.const(XdpAction.REDIRECT);
    f.get(flags).i32.wrapI64().i32.const(ON_MISS).i32.and();
    f.get(element).get(flags).i32.wrapI64().i32.const(BROADCAST).i32.and().i32.or();
    f.select();
  },
);
