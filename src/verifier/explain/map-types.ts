import { HELPER_PROTOTYPES, mapHelperVerdict } from "../../platform/index.ts";
import { BpfFuncId, BpfMapType, BpfProgType, helperName, mapTypeNames } from "../../uapi/index.ts";
import { callName } from "./cause.ts";
import { mapName, mapRegister } from "./map-argument.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { argumentsIn } from "./source-text.ts";

/** Names that are listed: a longer list says little. */
const NAMED = 6;

/** Types whose elements user space puts in, with system calls. */
const FILLED_OUTSIDE: ReadonlySet<number> = new Set([
  BpfMapType.PROG_ARRAY,
  BpfMapType.PERF_EVENT_ARRAY,
  BpfMapType.CGROUP_ARRAY,
  BpfMapType.ARRAY_OF_MAPS,
  BpfMapType.HASH_OF_MAPS,
  BpfMapType.DEVMAP,
  BpfMapType.DEVMAP_HASH,
  BpfMapType.CPUMAP,
  BpfMapType.XSKMAP,
  BpfMapType.REUSEPORT_SOCKARRAY,
]);
const CHANGES: ReadonlySet<number> = new Set([BpfFuncId.map_update_elem, BpfFuncId.map_delete_elem]);

/** A map of a type that a helper does not take (`check_map_func_compatibility`). */
export function mapMismatch([, type, , id]: RegExpExecArray, refusal: Refusal): Finding {
  const [map, helper] = [Number(type), Number(id)];
  const name = `bpf_${helperName(helper) ?? `helper#${helper}`}`;
  const typeName = mapTypeNames[map] ?? `number ${map}`;
  const register = mapRegister(refusal) ?? 1;
  const own = mapName(refusal, argumentsIn(refusal.last?.step.source?.text ?? "", name));
  return {
    headline: `${name} does not take maps of type ${typeName}`,
    operand: `R${register}`,
    need: `${own ?? "the map"} is of type ${typeName}, which has other helpers`,
    fixes: [...takenTypes(refusal, helper, name), ...ownHelpers(refusal, map, typeName, helper)],
  };
}

/** The types that the helper takes, where they are few. */
function takenTypes(refusal: Refusal, helper: number, name: string): Finding["fixes"] {
  const types = mapTypeNames.flatMap((type, number) =>
    number !== BpfMapType.UNSPEC && isTaken(refusal, number, helper) ? [type] : [],
  );
  const [first] = types;
  if (first === undefined || types.length > NAMED) return [];
  return [
    fix(
      `${name} takes maps of type ${listed(types, "or")}: declare the map as one, where that is what it is for.`,
      `__uint(type, BPF_MAP_TYPE_${first.toUpperCase()});`,
    ),
  ];
}

/** What does take maps of this type. */
function ownHelpers(refusal: Refusal, map: number, typeName: string, refused: number): Finding["fixes"] {
  const helpers = [...HELPER_PROTOTYPES].flatMap(([id, { args }]) =>
    args.some((argument) => argument?.type === "ARG_CONST_MAP_PTR") && isTaken(refusal, map, id)
      ? [`bpf_${helperName(id)}`]
      : [],
  );
  const outside = FILLED_OUTSIDE.has(map) && CHANGES.has(refused);
  if (helpers.length === 0 && !outside) return [];
  const shown = helpers.length > NAMED ? [...helpers.slice(0, NAMED), "…"] : helpers;
  return [
    ...(outside
      ? [
          fix(
            `Let user space put in and take out the elements of a ${typeName}: programs may not.`,
            "bpf_map__update_elem(map, &key, sizeof(key), &value, sizeof(value), BPF_ANY);",
          ),
        ]
      : []),
    ...(helpers.length === 0
      ? []
      : [fix(`What programs have for maps of type ${typeName}: ${listed(shown, "and")}.`)]),
  ];
}

function isTaken({ program }: Refusal, map: number, helper: number): boolean {
  const traits = {
    programType: program.type ?? BpfProgType.SCHED_CLS,
    expectedAttachType: 0,
    kernel: "6.18",
  } as const;
  return mapHelperVerdict(map, helper, traits) === "yes";
}

function listed(names: readonly string[], last: string): string {
  const end = names.at(-1)!;
  if (names.length === 1 || end === "…") return names.join(", ");
  return `${names.slice(0, -1).join(", ")} ${last} ${end}`;
}

/** A helper that wants a key, and a map without any: its memory would have no bytes. null: that is not it. */
export function keylessMap(refusal: Refusal): Finding | null {
  const args = HELPER_PROTOTYPES.get(Number(refusal.last?.effect.call?.split("#")[1]))?.args ?? [];
  const types = args.map((argument) => argument?.type ?? "");
  if (!types.includes("ARG_PTR_TO_MAP_KEY") || types.some((type) => /^ARG_CONST_SIZE/.test(type)))
    return null;
  const name = callName(refusal.last?.effect.call ?? "");
  const own = mapName(refusal, argumentsIn(refusal.last?.step.source?.text ?? "", name));
  return {
    headline: `${name} is given a map that has no keys`,
    operand: `R${mapRegister(refusal) ?? 1}`,
    need: `the key_size of ${own ?? "the map"} is 0`,
    fixes: [
      fix(
        "Ring buffers, queues, stacks and Bloom filters have no keys: they have helpers of their own (bpf_ringbuf_reserve, bpf_map_push_elem, bpf_map_pop_elem, bpf_map_peek_elem).",
      ),
      fix(
        "Where the map is to have keys, declare it as a hash or an array.",
        "__uint(type, BPF_MAP_TYPE_HASH);\n__type(key, __u32);",
      ),
    ],
  };
}
