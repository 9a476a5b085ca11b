// Every atomic operation that clang 14 emits for 64 bits; nothing else names the starts of its sections.
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))

SEC("fetch/add") u64 add(u64 *p, u64 v) { return __sync_fetch_and_add(p, v); }
SEC("fetch/add") u64 sub(u64 *p, u64 v) { return __sync_fetch_and_sub(p, v); }
SEC("fetch/bits") u64 bits(u64 *p, u64 v)
{
	return __sync_fetch_and_or(p + 1, v) + __sync_fetch_and_and(p + 2, v) + __sync_fetch_and_xor(p - 3, v);
}
SEC("fetch/exchange") u64 exchange(u64 *p, u64 v) { return __sync_lock_test_and_set(p, v); }
SEC("fetch/exchange") u64 compare(u64 *p, u64 old, u64 v) { return __sync_val_compare_and_swap(p - 1, old, v); }
SEC("xadd") void narrow(unsigned *p, unsigned v) { __sync_fetch_and_add(p, v); }
