import { Errno, BpfMapFlag as F } from "../uapi/index.ts";
import type { KernelLayout } from "./kernel-layout.ts";
import type { MapCheck, MapCreateAttributes } from "./map-rule.ts";
import { MAP_RULES } from "./map-rule-table.ts";
import type { KernelRelease } from "./releases/release.ts";
import { hasSince, knownFlags, mapFlagSince, mapTypeSince } from "./releases/since.ts";

const PROGRAM_ACCESS = F.RDONLY_PROG | F.WRONLY_PROG;
const U16_MAX = 0xffff;
const U32_MAX = 0xffff_ffff;
const PAGE = 4096n;

/**
 * Whether a release would create such a map for someone who may make any, as far as its type alone decides.
 *
 * @returns 0, or a negative errno; EINVAL for a type without a rule.
 */
export function checkMapCreate(
  attributes: MapCreateAttributes,
  layout: KernelLayout,
  release: KernelRelease = "6.18",
): number {
  const errno = checkMapAttributes(attributes, layout, release);
  return errno === 0 ? checkMapAllocation(attributes, layout, release) : errno;
}

/** What a release says of a map before anyone asks who makes it (`map_alloc_check`): 0, or a negative errno. */
export function checkMapAttributes(
  attributes: MapCreateAttributes,
  layout: KernelLayout,
  release: KernelRelease = "6.18",
): number {
  const rule = MAP_RULES.get(attributes.type);
  if (rule === undefined || !hasSince(release, mapTypeSince(attributes.type))) return -Errno.EINVAL;
  if (rule.checks.length > 0 && hasUnknownFlags(attributes, release)) return -Errno.EINVAL;
  if (!rule.extra && (attributes.mapExtra ?? 0n) !== 0n) return -Errno.EINVAL;
  return firstViolated(rule.checks, attributes, layout);
}

/** What is said when the map is made (`map_alloc`), of attributes that passed `checkMapAttributes`. */
export function checkMapAllocation(
  attributes: MapCreateAttributes,
  layout: KernelLayout,
  release: KernelRelease = "6.18",
): number {
  const { checks = [], allocation = [] } = MAP_RULES.get(attributes.type) ?? {};
  if (checks.length === 0 && hasUnknownFlags(attributes, release)) return -Errno.EINVAL;
  return firstViolated(allocation, attributes, layout);
}

/** What a release does not know no type of its maps knows. */
function hasUnknownFlags({ flags }: MapCreateAttributes, release: KernelRelease): boolean {
  return (flags & ~knownFlags(F, mapFlagSince, release)) !== 0;
}

function firstViolated(
  checks: readonly MapCheck[],
  attributes: MapCreateAttributes,
  layout: KernelLayout,
): number {
  for (const check of checks) {
    const errno = violated(check, attributes, layout);
    if (errno !== 0) return -errno;
  }
  return 0;
}

/** The errno of a check that an attribute fails, or 0. */
function violated(check: MapCheck, attributes: MapCreateAttributes, layout: KernelLayout): number {
  const { flags } = attributes;
  switch (check.kind) {
    case "flagsOutside":
      return (flags & ~check.mask) !== 0 ? Errno.EINVAL : 0;
    case "flagsNone":
      return (flags & check.mask) !== 0 ? (check.errno ?? Errno.EINVAL) : 0;
    case "flagsTogether":
      return (flags & check.mask) === check.mask ? Errno.EINVAL : 0;
    case "flagsAll":
      return (flags & check.mask) !== check.mask ? Errno.EINVAL : 0;
    case "flagsAccess":
      return (flags & PROGRAM_ACCESS) === PROGRAM_ACCESS ? Errno.EINVAL : 0;
    case "range":
      return inRange(attributes[check.field], check) ? 0 : (check.errno ?? Errno.EINVAL);
    case "element":
      return attributes.keySize + attributes.valueSize + layout.sizeOf(check.header) >= check.below
        ? check.errno
        : 0;
    case "oneOf":
      return check.values.includes(attributes[check.field]) ? 0 : Errno.EINVAL;
    case "records": {
      const size = (flags & check.flag) === 0 ? check.size : check.sizeWithFlag;
      const { valueSize } = attributes;
      return valueSize % size !== 0 || valueSize / size > check.max ? Errno.EINVAL : 0;
    }
    case "localStorage":
      return attributes.valueSize > U16_MAX - layout.sizeOf(check.header) ? Errno.E2BIG : 0;
    case "cpus":
      // cpumask has a bit for each of NR_CPUS.
      return attributes.maxEntries > layout.sizeOf("cpumask") * 8 ? Errno.E2BIG : 0;
    case "extra":
      return (attributes.mapExtra ?? 0n) > check.max ? Errno.EINVAL : 0;
    case "typed":
      return attributes.typed === true ? 0 : Errno.EINVAL;
    case "kernelTyped":
      return attributes.kernelTyped === true ? 0 : Errno.EINVAL;
    default:
      return arenaProblem(attributes);
  }
}

/** `arena_map_alloc`: on page boundaries, at most 4 GiB, and not across a boundary of 4 GiB in user space. */
function arenaProblem({ maxEntries, mapExtra = 0n }: MapCreateAttributes): number {
  if ((mapExtra & (PAGE - 1n)) !== 0n) return Errno.EINVAL;
  const length = BigInt(maxEntries) * PAGE;
  if (length > 1n << 32n) return Errno.E2BIG;
  return mapExtra >> 32n === (mapExtra + length - 1n) >> 32n ? 0 : Errno.ERANGE;
}

function inRange(value: number, range: Extract<MapCheck, { kind: "range" }>): boolean {
  const { min = 0, max = U32_MAX, multipleOf = 1, powerOfTwo = false } = range;
  if (value < min || value > max || value % multipleOf !== 0) return false;
  return !powerOfTwo || Number.isInteger(Math.log2(value));
}
