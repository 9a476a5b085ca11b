// What libbpf makes of its input: `version`, `dedup OUT FILE...`, `split OUT BASE FILE` (raw BTF files),
// `open OUT OBJECT` (the object's BTF once it is open), and `relocate OUT OBJECT [BTF]` (the instructions of the
// object's first program as libbpf would load them).
#include <stdio.h>
#include <string.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

static int save(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	if (!f)
		return 1;
	size_t written = fwrite(data, 1, size, f);
	return fclose(f) != 0 || written != size;
}

static int save_btf(const char *path, const struct btf *btf)
{
	__u32 size;
	const void *data = btf__raw_data(btf, &size);
	return save(path, data, size);
}

static int dedup(const char *out, int count, char **files)
{
	struct btf *all = btf__new_empty();
	for (int i = 0; i < count; i++) {
		struct btf *one = btf__parse(files[i], NULL);
		if (!one || btf__add_btf(all, one) < 0)
			return 2;
	}
	return btf__dedup(all, NULL) ? 3 : save_btf(out, all);
}

static int split(const char *out, const char *base_file, const char *file)
{
	struct btf *base = btf__parse(base_file, NULL);
	struct btf *btf = base ? btf__parse_split(file, base) : NULL;
	if (!btf)
		return 2;
	return btf__dedup(btf, NULL) ? 3 : save_btf(out, btf);
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, arguments) : 0;
}

static int opened(const char *out, const char *file)
{
	libbpf_set_print(silent);
	struct bpf_object *object = bpf_object__open_file(file, NULL);
	return object ? save_btf(out, bpf_object__btf(object)) : 2;
}

static int relocate(const char *out, const char *file, const char *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = btf);
	libbpf_set_print(silent);
	struct bpf_object *object = bpf_object__open_file(file, &options);
	if (!object)
		return 2;
	// The kernel may refuse the program; the instructions are there all the same.
	bpf_object__load(object);
	struct bpf_program *program = bpf_object__next_program(object, NULL);
	if (!program)
		return 3;
	return save(out, bpf_program__insns(program), bpf_program__insn_cnt(program) * 8);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "version"))
		return printf("%u.%u\n", libbpf_major_version(), libbpf_minor_version()) < 0;
	if (argc >= 4 && !strcmp(argv[1], "dedup"))
		return dedup(argv[2], argc - 3, argv + 3);
	if (argc == 5 && !strcmp(argv[1], "split"))
		return split(argv[2], argv[3], argv[4]);
	if (argc == 4 && !strcmp(argv[1], "open"))
		return opened(argv[2], argv[3]);
	if (argc >= 4 && !strcmp(argv[1], "relocate"))
		return relocate(argv[2], argv[3], argc > 4 ? argv[4] : NULL);
	return 1;
}
