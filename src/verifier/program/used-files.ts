import type { Btf } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { Rejection } from "../environment/rejection.ts";
import { MAX_USED_BTFS, MAX_USED_MAPS } from "../state/limits.ts";
import { checkMapProgCompatibility } from "./map-compatibility.ts";

const U32_MAX = 0xffff_ffff;

/** The map behind a descriptor, entered into the program's maps (`add_used_map`). */
export function addUsedMap(env: Environment, fd: number): VerifierMap {
  const file = env.request.files.file(fd);
  if (file === null || file.kind !== "map") {
    return env.refuse(
      file === null ? Errno.EBADF : Errno.EINVAL,
      `fd ${fd} is not pointing to valid bpf_map`,
    );
  }
  enterMap(env, file.map);
  return file.map;
}

function enterMap(env: Environment, map: VerifierMap): void {
  if (env.usedMaps.includes(map)) return;
  if (env.usedMaps.length >= MAX_USED_MAPS) {
    env.refuse(Errno.E2BIG, `The total number of maps per program has reached the limit of ${MAX_USED_MAPS}`);
  }
  checkMapProgCompatibility(env, map);
  env.usedMaps.push(map);
}

/** Enters types whose variables or functions the program uses (`__add_used_btf`). */
export function addUsedBtf(env: Environment, btf: Btf): void {
  if (env.usedBtfs.includes(btf)) return;
  if (env.usedBtfs.length >= MAX_USED_BTFS) {
    env.refuse(Errno.E2BIG, `The total number of btfs per program has reached the limit of ${MAX_USED_BTFS}`);
  }
  env.usedBtfs.push(btf);
}

/** Everything in an array of descriptors whose length is told (`process_fd_array`). */
export function processFdArray(env: Environment): void {
  const { files } = env.request;
  if (files.fdArrayCount === 0) return;
  if (files.fdArrayCount >= U32_MAX / 4) {
    env.refuse(Errno.EINVAL, `fd_array_cnt is too big (${files.fdArrayCount})`);
  }
  for (let i = 0; i < files.fdArrayCount; i++) {
    const fd = files.fdArray?.(i) ?? null;
    if (fd === null) throw new Rejection(Errno.EFAULT, "");
    const file = files.file(fd);
    if (file?.kind === "map") enterMap(env, file.map);
    else if (file?.kind === "btf") addUsedBtf(env, file.btf);
    else {
      env.refuse(
        file === null ? Errno.EBADF : Errno.EINVAL,
        `fd ${fd} is not pointing to valid bpf_map or btf`,
      );
    }
  }
}
