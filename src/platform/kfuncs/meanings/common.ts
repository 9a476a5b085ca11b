/** What every program may call: iterators, dynptrs, sections, strings. */
export const COMMON_MEANINGS = {
  bpf_cast_to_kern_ctx: "Gives the kernel's own struct behind the context: the sk_buff of a __sk_buff, say.",
  bpf_rdonly_cast:
    "Gives a pointer of another kernel type to the same address, to read from; a fault gives 0.",
  bpf_rcu_read_lock: "Begins a section in which objects under RCU stay.",
  bpf_rcu_read_unlock: "Ends the section that bpf_rcu_read_lock began.",
  bpf_preempt_disable: "Begins a section in which the program stays alone on its CPU; sections may nest.",
  bpf_preempt_enable: "Ends the section that bpf_preempt_disable began.",
  bpf_local_irq_save: "Begins a section without interrupts on this CPU, and notes on the stack how it was.",
  bpf_local_irq_restore: "Ends the section that bpf_local_irq_save began.",
  bpf_dynptr_slice:
    "Gives a pointer to bytes of a dynptr to read, where needed in a copy in a buffer; NULL where they are not all in it.",
  bpf_dynptr_slice_rdwr:
    "As bpf_dynptr_slice, to read and write; what is written into a copy is not written back.",
  bpf_dynptr_adjust: "Narrows a dynptr to bytes between two places; ERANGE, EINVAL.",
  bpf_dynptr_is_null: "Tells whether a dynptr holds nothing.",
  bpf_dynptr_is_rdonly: "Tells whether a dynptr can only be read.",
  bpf_dynptr_size: "Gives the number of bytes of a dynptr; EINVAL where it holds nothing.",
  bpf_dynptr_clone: "Makes another dynptr of the same memory, which can be narrowed by itself.",
  bpf_dynptr_copy: "Copies bytes from a place of one dynptr to a place of another; E2BIG.",
  bpf_dynptr_memset: "Fills bytes of a dynptr with one value; E2BIG.",
  bpf_iter_num_new: "Begins a walk over the numbers from one up to, but without, another.",
  bpf_iter_num_next: "Gives a pointer to the next number, or NULL at the end.",
  bpf_iter_num_destroy: "Ends the walk over numbers.",
  bpf_iter_bits_new: "Begins a walk over the bits that are set in so many 64-bit words (at most 511).",
  bpf_iter_bits_next: "Gives a pointer to the number of the next bit, or NULL at the end.",
  bpf_iter_bits_destroy: "Ends the walk over bits.",
  bpf_iter_task_new:
    "Begins a walk over all processes, all threads, or the threads of one process; EINVAL for other flags.",
  bpf_iter_task_next: "Gives the next task, or NULL at the end.",
  bpf_iter_task_destroy: "Ends the walk over tasks.",
  bpf_iter_css_new:
    "Begins a walk over the control groups below one, parents first or last, or up to the root; EINVAL for other flags.",
  bpf_iter_css_next: "Gives the state of the next control group, or NULL at the end.",
  bpf_iter_css_destroy: "Ends the walk over control groups.",
  bpf_iter_css_task_new:
    "Begins a walk over the tasks of a control group: processes, threads, or both kinds of leaders; EINVAL for other flags.",
  bpf_iter_css_task_next: "Gives the next task of the control group, or NULL at the end.",
  bpf_iter_css_task_destroy: "Ends the walk over the tasks of a control group.",
  bpf_iter_task_vma_new:
    "Begins a walk over the areas of a task's address space from an address on, under its lock; EBUSY where that is taken.",
  bpf_iter_task_vma_next: "Gives the next area, or NULL at the end.",
  bpf_iter_task_vma_destroy: "Ends the walk over areas and gives the lock back.",
  bpf_iter_kmem_cache_new: "Begins a walk over the caches of the slab allocator.",
  bpf_iter_kmem_cache_next: "Gives the next cache, or NULL at the end.",
  bpf_iter_kmem_cache_destroy: "Ends the walk over caches.",
  bpf_iter_dmabuf_new: "Begins a walk over the buffers that devices share (dma-buf).",
  bpf_iter_dmabuf_next: "Gives the next buffer, or NULL at the end.",
  bpf_iter_dmabuf_destroy: "Ends the walk over buffers.",
  bpf_get_kmem_cache: "Gives the cache of the slab allocator that an address belongs to, or NULL.",
  bpf_modify_return_test_tp: "A function of Linux's own tests: hits a tracepoint.",
  bpf_wq_init: "Makes the work queue item in a map value ready; EBUSY where it is already.",
  bpf_wq_set_callback_impl: "Says which function of the program a work queue item calls, where it may sleep.",
  bpf_wq_start: "Has a work queue item call its function soon.",
  bpf_copy_from_user_str:
    "Copies a string of the current task's user space, and waits for its pages; the length with the NUL, or EFAULT.",
  bpf_copy_from_user_task_str:
    "Copies a string of another task's user space, and waits for its pages; the length with the NUL, or EFAULT.",
  bpf_probe_read_user_dynptr: "Copies memory of user space into a dynptr; EFAULT where a page is not there.",
  bpf_probe_read_kernel_dynptr: "Copies memory of the kernel from an address that may be bad into a dynptr.",
  bpf_probe_read_user_str_dynptr:
    "Copies a string of user space into a dynptr; its length with the NUL, or EFAULT.",
  bpf_probe_read_kernel_str_dynptr:
    "Copies a string of the kernel from an address that may be bad into a dynptr.",
  bpf_copy_from_user_dynptr: "Copies memory of user space into a dynptr, and waits for its pages.",
  bpf_copy_from_user_str_dynptr: "Copies a string of user space into a dynptr, and waits for its pages.",
  bpf_copy_from_user_task_dynptr:
    "Copies memory of another task's user space into a dynptr, and waits for its pages.",
  bpf_copy_from_user_task_str_dynptr:
    "Copies a string of another task's user space into a dynptr, and waits for its pages.",
  __bpf_trap: "What compilers put where a program cannot come: a program that does come there is refused.",
  bpf_strcmp:
    "Compares two strings: -1, 0 or 1; E2BIG past 64 KiB, EFAULT, ERANGE for addresses of user space.",
  bpf_strcasecmp: "As bpf_strcmp, and lower and upper case letters (ASCII) are the same.",
  bpf_strchr: "Finds the first place of a character in a string; ENOENT.",
  bpf_strchrnul: "Finds the first place of a character in a string, or the string's end.",
  bpf_strnchr: "As bpf_strchr, in the first so many bytes only.",
  bpf_strrchr: "Finds the last place of a character in a string; ENOENT.",
  bpf_strlen: "Gives the length of a string; E2BIG past 64 KiB, EFAULT.",
  bpf_strnlen: "Gives the length of a string, or a limit where it is longer.",
  bpf_strspn: "Counts the characters at the beginning of a string that are all in a set.",
  bpf_strcspn: "Counts the characters at the beginning of a string of which none is in a set.",
  bpf_strstr: "Finds the first place of a string in another; ENOENT.",
  bpf_strnstr: "As bpf_strstr, in the first so many bytes only.",
  bpf_cgroup_read_xattr:
    "Copies an extended attribute (user.*) of a control group into a dynptr; its length, or ENODATA.",
  bpf_stream_vprintk_impl:
    "Formats text into a stream of the program, which user space reads (1: output, 2: errors).",
  bpf_task_work_schedule_signal_impl:
    "Has a function of the program run in a task's context, by waking it as a signal does.",
  bpf_task_work_schedule_resume_impl:
    "Has a function of the program run in a task's context, when it goes back to user space next.",
  bpf_res_spin_lock:
    "Takes a lock that notices deadlocks: EDEADLK, or ETIMEDOUT after a quarter of a second.",
  bpf_res_spin_unlock: "Gives back the lock that bpf_res_spin_lock took.",
  bpf_res_spin_lock_irqsave: "As bpf_res_spin_lock, without interrupts until it is given back.",
  bpf_res_spin_unlock_irqrestore: "Gives back the lock that bpf_res_spin_lock_irqsave took.",
  bpf_map_sum_elem_count:
    "Gives the number of elements of a map, where the map counts them (hashes), else 0.",
  bpf_arena_alloc_pages: "Takes pages of an arena, at an address or anywhere; NULL where there are none.",
  bpf_arena_free_pages: "Gives pages of an arena back.",
  bpf_arena_reserve_pages: "Keeps a range of an arena free of pages; EBUSY where it has some.",
} as const;
