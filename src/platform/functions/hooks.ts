import type { KernelRelease } from "../releases/release.ts";

/**
 * Linux's sets of functions (`BTF_SET`) that helpers and attachments are bound to. By name: ids differ from kernel
 * to kernel. A name that a kernel does not have is no member there.
 */

/** Hooks that may sleep (`sleepable_lsm_hooks`). */
export const SLEEPABLE_LSM_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_bpf",
  "bpf_lsm_bpf_map",
  "bpf_lsm_bpf_map_create",
  "bpf_lsm_bpf_map_free",
  "bpf_lsm_bpf_prog",
  "bpf_lsm_bpf_prog_load",
  "bpf_lsm_bpf_prog_free",
  "bpf_lsm_bpf_token_create",
  "bpf_lsm_bpf_token_free",
  "bpf_lsm_bpf_token_cmd",
  "bpf_lsm_bpf_token_capable",
  "bpf_lsm_bprm_check_security",
  "bpf_lsm_bprm_committed_creds",
  "bpf_lsm_bprm_committing_creds",
  "bpf_lsm_bprm_creds_for_exec",
  "bpf_lsm_bprm_creds_from_file",
  "bpf_lsm_capget",
  "bpf_lsm_capset",
  "bpf_lsm_cred_prepare",
  "bpf_lsm_file_ioctl",
  "bpf_lsm_file_lock",
  "bpf_lsm_file_open",
  "bpf_lsm_file_post_open",
  "bpf_lsm_file_receive",
  "bpf_lsm_inode_create",
  "bpf_lsm_inode_free_security",
  "bpf_lsm_inode_getattr",
  "bpf_lsm_inode_getxattr",
  "bpf_lsm_inode_mknod",
  "bpf_lsm_inode_need_killpriv",
  "bpf_lsm_inode_post_setxattr",
  "bpf_lsm_inode_post_removexattr",
  "bpf_lsm_inode_readlink",
  "bpf_lsm_inode_removexattr",
  "bpf_lsm_inode_rename",
  "bpf_lsm_inode_rmdir",
  "bpf_lsm_inode_setattr",
  "bpf_lsm_inode_setxattr",
  "bpf_lsm_inode_symlink",
  "bpf_lsm_inode_unlink",
  "bpf_lsm_kernel_module_request",
  "bpf_lsm_kernel_read_file",
  "bpf_lsm_kernfs_init_security",
  "bpf_lsm_path_unlink",
  "bpf_lsm_path_mkdir",
  "bpf_lsm_path_rmdir",
  "bpf_lsm_path_truncate",
  "bpf_lsm_path_symlink",
  "bpf_lsm_path_link",
  "bpf_lsm_path_rename",
  "bpf_lsm_path_chmod",
  "bpf_lsm_path_chown",
  "bpf_lsm_mmap_file",
  "bpf_lsm_netlink_send",
  "bpf_lsm_path_notify",
  "bpf_lsm_release_secctx",
  "bpf_lsm_sb_alloc_security",
  "bpf_lsm_sb_eat_lsm_opts",
  "bpf_lsm_sb_kern_mount",
  "bpf_lsm_sb_mount",
  "bpf_lsm_sb_remount",
  "bpf_lsm_sb_set_mnt_opts",
  "bpf_lsm_sb_show_options",
  "bpf_lsm_sb_statfs",
  "bpf_lsm_sb_umount",
  "bpf_lsm_settime",
  "bpf_lsm_inet_conn_established",
  "bpf_lsm_socket_accept",
  "bpf_lsm_socket_bind",
  "bpf_lsm_socket_connect",
  "bpf_lsm_socket_create",
  "bpf_lsm_socket_getpeername",
  "bpf_lsm_socket_getpeersec_dgram",
  "bpf_lsm_socket_getsockname",
  "bpf_lsm_socket_getsockopt",
  "bpf_lsm_socket_listen",
  "bpf_lsm_socket_post_create",
  "bpf_lsm_socket_recvmsg",
  "bpf_lsm_socket_sendmsg",
  "bpf_lsm_socket_shutdown",
  "bpf_lsm_socket_socketpair",
  "bpf_lsm_syslog",
  "bpf_lsm_task_alloc",
  "bpf_lsm_task_prctl",
  "bpf_lsm_task_setscheduler",
  "bpf_lsm_task_to_inode",
  "bpf_lsm_userns_create",
]);

/** Hooks that may sleep in 6.1, of those that may in 6.18 all but these, and these besides. */
const NOT_SLEEPABLE_6_1: ReadonlySet<string> = new Set([
  "bpf_lsm_file_post_open",
  "bpf_lsm_inode_post_removexattr",
  "bpf_lsm_inode_removexattr",
  "bpf_lsm_path_unlink",
  "bpf_lsm_path_mkdir",
  "bpf_lsm_path_rmdir",
  "bpf_lsm_path_truncate",
  "bpf_lsm_path_symlink",
  "bpf_lsm_path_link",
  "bpf_lsm_path_rename",
  "bpf_lsm_path_chmod",
  "bpf_lsm_path_chown",
  "bpf_lsm_task_to_inode",
]);
const ALSO_SLEEPABLE_6_1: ReadonlySet<string> = new Set([
  "bpf_lsm_bpf_map_alloc_security",
  "bpf_lsm_bpf_map_free_security",
  "bpf_lsm_key_free",
  "bpf_lsm_current_getsecid_subj",
  "bpf_lsm_task_getsecid_obj",
]);

/** Whether programs attached to a hook may sleep. */
export function isSleepableHook(hook: string, release: KernelRelease = "6.18"): boolean {
  if (release === "6.18") return SLEEPABLE_LSM_HOOKS.has(hook);
  return ALSO_SLEEPABLE_6_1.has(hook) || (SLEEPABLE_LSM_HOOKS.has(hook) && !NOT_SLEEPABLE_6_1.has(hook));
}

/** Hooks whose arguments are not trusted (`untrusted_lsm_hooks`). */
export const UNTRUSTED_LSM_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_bpf_map_free",
  "bpf_lsm_bpf_prog_free",
  "bpf_lsm_file_alloc_security",
  "bpf_lsm_file_free_security",
  "bpf_lsm_sk_alloc_security",
  "bpf_lsm_sk_free_security",
  "bpf_lsm_task_free",
]);

/** Hooks that no program may be attached to (`bpf_lsm_disabled_hooks`), in any release. */
export const DISABLED_LSM_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_vm_enough_memory",
  "bpf_lsm_inode_need_killpriv",
  "bpf_lsm_inode_getsecurity",
  "bpf_lsm_inode_listsecurity",
  "bpf_lsm_inode_copy_up_xattr",
  "bpf_lsm_getselfattr",
  "bpf_lsm_getprocattr",
  "bpf_lsm_setprocattr",
  "bpf_lsm_key_getsecurity",
  "bpf_lsm_audit_rule_match",
  "bpf_lsm_ismaclabel",
  // Gone since 6.12.
  "bpf_lsm_xfrm_decode_session",
]);

/** Hooks that run while the socket is locked (`bpf_lsm_locked_sockopt_hooks`). */
export const LOCKED_SOCKOPT_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_sock_graft",
  "bpf_lsm_inet_csk_clone",
  "bpf_lsm_inet_conn_established",
]);

/** Hooks of a socket that nobody else knows yet (`bpf_lsm_unlocked_sockopt_hooks`). */
export const UNLOCKED_SOCKOPT_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_socket_post_create",
  "bpf_lsm_socket_socketpair",
]);

/** Functions in whose programs bpf_d_path is safe (`btf_allowlist_d_path`). */
export const D_PATH_FUNCTIONS: ReadonlySet<string> = new Set([
  "security_file_permission",
  "security_inode_getattr",
  "security_file_open",
  "security_path_truncate",
  "vfs_truncate",
  "vfs_fallocate",
  "dentry_open",
  "vfs_getattr",
  "filp_close",
]);

/** Iterators that may set options of their sockets (`bpf_iter_tcp_get_func_proto`, `bpf_iter_unix_get_func_proto`). */
export const SOCKOPT_ITERATORS: ReadonlySet<string> = new Set(["bpf_iter_tcp", "bpf_iter_unix"]);

/** Hooks that give a truth value, 0 or 1, where others give 0 or an error (`bool_lsm_hooks`). */
export const BOOLEAN_LSM_HOOKS: ReadonlySet<string> = new Set([
  "bpf_lsm_xfrm_state_pol_flow_match",
  "bpf_lsm_audit_rule_known",
  "bpf_lsm_inode_xattr_skipcap",
]);
