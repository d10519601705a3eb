/* A plugin of qemu-user: how many instructions a program has run, by all threads. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

/* From QEMU's plugin interface, which few systems package a header of. */
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, void (*cb)(unsigned, void *), int flags, void *data);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*cb)(qemu_plugin_id_t, void *), void *data);
extern void qemu_plugin_outs(const char *text);

int qemu_plugin_version = 1;

static struct { uint64_t n, apart[7]; } counts[256]; /* a cache line a thread */

static void run(unsigned thread, void *instructions)
{
	__atomic_fetch_add(&counts[thread % 256].n, (uintptr_t)instructions, __ATOMIC_RELAXED);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	qemu_plugin_register_vcpu_tb_exec_cb(tb, run, 0, (void *)(uintptr_t)qemu_plugin_tb_n_insns(tb));
}

static void ended(qemu_plugin_id_t id, void *unused)
{
	char text[64];
	uint64_t all = 0;
	for (int i = 0; i < 256; i++)
		all += counts[i].n;
	snprintf(text, sizeof text, "instructions: %" PRIu64 "\n", all);
	qemu_plugin_outs(text);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
