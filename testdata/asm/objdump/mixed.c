// Calls of helpers and subprograms, maps, loops, atomics, byte swaps, 64-bit constants, signed arithmetic.
typedef unsigned long long u64;
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
#define SEC(name) __attribute__((section(name), used))

static void *(*lookup)(void *map, const void *key) = (void *)1;
struct {
	int type;
} table SEC("maps");
u64 total;
const volatile u32 limit = 7;

static __attribute__((noinline)) int charge(int amount, u64 *account)
{
	__sync_fetch_and_add(account, amount);
	return amount * 3 - (int)*account;
}

SEC("xdp") int flow(void *ctx)
{
	u32 key = 5;
	u64 *value = lookup(&table, &key);
	if (!value)
		return 0;
	total += *value;
	*value = 0x1122334455667788ULL;
	u16 mark = *(volatile u16 *)ctx;
	if (mark > limit)
		return charge(mark, value);
	for (int i = 0; i < (int)mark; i++)
		*(volatile u8 *)value += i;
	return __builtin_bswap32((u32)*value) + __builtin_bswap16(mark);
}

SEC("tc") int indirect(int (*callee)(int), int number, long bound)
{
	int result = callee(number);
	if (bound < -5)
		result = -result;
	return result / 7u % 5 + (result >> 3);
}

SEC("socket") u64 mix(u64 a, u64 b, u32 c)
{
	u64 hash = 0xcbf29ce484222325ULL;
	for (u32 i = 0; i < c; i++) {
		hash ^= a >> (i & 63);
		hash *= 0x100000001b3ULL;
		if ((long long)hash < (long long)b)
			hash = ~hash | (b << 7);
		else if (hash >= b && c <= 100u)
			hash &= -16;
	}
	return hash == b ? (u64)-1 : hash;
}
