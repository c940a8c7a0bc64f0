// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other users of the kernel's code, for the test of coexistence: a profiler
 * that samples call chains, and BPF programs at a kprobe and at fentry/fexit.
 * Without libraries, so that it is small and static.
 *
 *   others perf FILE FROM TO         until a signal: "samples N chains N within N" in FILE
 *   others kprobe FILE PLACE         until a signal: the number of calls in FILE
 *   others fentry|fexit FILE FUNCTION
 *   others key KEYRING FILE          adds a certificate to one of the kernel's keyrings
 *
 * "within" counts chains with an address from FROM up to TO (hexadecimal).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPUS 64
#define PAGES 64

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static void say(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		exit(fail(file));
	close(fd);
}

/* --- a profiler */

struct counts {
	unsigned long samples, chains, within;
};

static void read_ring(struct perf_event_mmap_page *head, unsigned long from, unsigned long to,
		      struct counts *c)
{
	const size_t size = PAGES * 4096ul;
	const char *data = (char *)head + 4096;
	static unsigned long long copy[8192];

	while (head->data_tail != __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE)) {
		struct perf_event_header h;
		bool found = false;

		for (size_t i = 0; i < sizeof(h); i++)
			((char *)&h)[i] = data[(head->data_tail + i) % size];
		for (size_t i = 0; i < h.size; i++)
			((char *)copy)[i] = data[(head->data_tail + i) % size];
		if (h.type == PERF_RECORD_SAMPLE) {
			unsigned long long nr = copy[1];

			c->samples++;
			c->chains += nr > 2; /* more than the context and the place itself */
			for (unsigned long long i = 0; i < nr; i++)
				found |= copy[2 + i] >= from && copy[2 + i] < to;
			c->within += found;
		}
		__atomic_store_n(&head->data_tail, head->data_tail + h.size, __ATOMIC_RELEASE);
	}
}

static int profile(const char *file, unsigned long from, unsigned long to)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 500000, .sample_type = PERF_SAMPLE_CALLCHAIN,
		.exclude_callchain_user = 1,
	};
	struct perf_event_mmap_page *rings[CPUS];
	struct counts c = { 0 };
	char text[100];
	int nr = 0;

	for (int cpu = 0; cpu < CPUS; cpu++) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);

		if (fd < 0)
			break;
		rings[nr] = mmap(NULL, (1 + PAGES) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (rings[nr++] == MAP_FAILED)
			return fail("mmap");
	}
	if (!nr)
		return fail("perf_event_open");
	do {
		for (int i = 0; i < nr; i++)
			read_ring(rings[i], from, to, &c);
		snprintf(text, sizeof(text), "samples %lu chains %lu within %lu\n", c.samples, c.chains,
			 c.within);
		say(file, text);
		usleep(20000);
	} while (!stop);
	return 0;
}

/* --- BPF */

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The number of the type FUNC of that name in the kernel's BTF, or 0. */
static unsigned int func_id(const char *name)
{
	static char data[32 << 20];
	const struct btf_header *h = (void *)data;
	const char *strings, *at, *end;
	size_t len = 0;
	ssize_t n;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);

	while (fd >= 0 && (n = read(fd, data + len, sizeof(data) - len)) > 0)
		len += n;
	if (len < sizeof(*h) || h->magic != BTF_MAGIC)
		return 0;
	strings = data + h->hdr_len + h->str_off;
	at = data + h->hdr_len + h->type_off;
	end = at + h->type_len;
	for (unsigned int id = 1; at < end; id++) {
		const struct btf_type *t = (void *)at;
		unsigned int vlen = BTF_INFO_VLEN(t->info);

		at += sizeof(*t);
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_FUNC:
			if (!strcmp(strings + t->name_off, name))
				return id;
			break;
		case BTF_KIND_INT: case BTF_KIND_VAR: case BTF_KIND_DECL_TAG:
			at += 4;
			break;
		case BTF_KIND_ARRAY:
			at += sizeof(struct btf_array);
			break;
		case BTF_KIND_STRUCT: case BTF_KIND_UNION: case BTF_KIND_DATASEC: case BTF_KIND_ENUM64:
			at += 12 * vlen;
			break;
		case BTF_KIND_ENUM: case BTF_KIND_FUNC_PROTO:
			at += 8 * vlen;
			break;
		}
	}
	return 0;
}

/* Adds one to the map's only element, and returns 0. */
static int load(int map, enum bpf_prog_type type, enum bpf_attach_type attach, unsigned int id)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = 10, .off = -4, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = 10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -4 },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 2, .imm = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = 1 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = 0, .src_reg = 1, .imm = BPF_ADD },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = type, .expected_attach_type = attach, .attach_btf_id = id,
		.insns = (unsigned long)code, .insn_cnt = sizeof(code) / sizeof(*code),
		.license = (unsigned long)"GPL", .log_buf = (unsigned long)log,
		.log_size = sizeof(log), .log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		printf("%s", log);
	return fd;
}

static int attach_kprobe(int map, const char *function)
{
	int prog = load(map, BPF_PROG_TYPE_KPROBE, 0, 0), fd;
	FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	struct perf_event_attr attr = { .size = sizeof(attr), .sample_period = 1 };

	/* By address, or by name. */
	if (!strncmp(function, "0x", 2))
		attr.kprobe_addr = strtoull(function, NULL, 16);
	else
		attr.kprobe_func = (unsigned long)function;
	if (prog < 0)
		return -1;
	if (!f || fscanf(f, "%u", &attr.type) != 1)
		return -1;
	fclose(f);
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		return -1;
	return fd;
}

static int attach_trampoline(int map, const char *function, enum bpf_attach_type type)
{
	union bpf_attr attr = { 0 };
	unsigned int id = func_id(function);
	int prog;

	if (!id) {
		errno = ESRCH;
		return -1;
	}
	prog = load(map, BPF_PROG_TYPE_TRACING, type, id);
	if (prog < 0)
		return -1;
	attr.raw_tracepoint.prog_fd = prog;
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

static int count(const char *how, const char *file, const char *function)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1 };
	unsigned long long now = 0, shown = -1ull;
	unsigned int key = 0;
	char text[40];
	int map = bpf(BPF_MAP_CREATE, &attr), fd;

	if (map < 0)
		return fail("a map");
	if (!strcmp(how, "kprobe"))
		fd = attach_kprobe(map, function);
	else
		fd = attach_trampoline(map, function,
				       strcmp(how, "fexit") ? BPF_TRACE_FENTRY : BPF_TRACE_FEXIT);
	if (fd < 0)
		return fail(function);
	while (!stop) {
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = map;
		attr.key = (unsigned long)&key;
		attr.value = (unsigned long)&now;
		if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
			return fail("the map");
		if (now != shown) {
			snprintf(text, sizeof(text), "%llu\n", now);
			say(file, text);
			shown = now;
		}
		usleep(10000);
	}
	return 0;
}

static int add_key(const char *ring, const char *file)
{
	static char cert[16384];
	char line[300];
	unsigned int serial = 0, id;
	int fd = open(file, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, cert, sizeof(cert));
	FILE *keys = fopen("/proc/keys", "r");

	if (len <= 0 || !keys)
		return fail(file);
	while (fgets(line, sizeof(line), keys)) {
		const char *name = strstr(line, " keyring ");

		if (name && sscanf(line, "%x", &id) == 1 && !strncmp(strstr(name, ".") ?: "", ring, strlen(ring)))
			serial = id;
	}
	fclose(keys);
	if (!serial)
		return printf("no keyring %s\n", ring), 1;
	if (syscall(SYS_add_key, "asymmetric", "ours", cert, len, serial) < 0)
		return fail(ring);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 5 && !strcmp(argv[1], "perf"))
		return profile(argv[2], strtoul(argv[3], NULL, 16), strtoul(argv[4], NULL, 16));
	if (argc == 4 && !strcmp(argv[1], "key"))
		return add_key(argv[2], argv[3]);
	if (argc == 4)
		return count(argv[1], argv[2], argv[3]);
	return 2;
}
