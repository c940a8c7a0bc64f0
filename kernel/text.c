// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing the kernel's text.
 *
 * Text is mapped read-only.  Before the machine stops, the page (or two) of
 * every slot is mapped a second time, writable; the write itself then cannot
 * fail.  A slot that lies within 16 aligned bytes is written by one 16-byte
 * store, so that an NMI, which stop_machine() does not keep out, sees the old
 * bytes or the new ones and never a mixture.  With the function tracer's 5
 * bytes in front, that is every slot of a function aligned to 16.
 */
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/cpufeature.h>
#include <asm/sync_core.h>

#include "compat.h"
#include "update.h"

static struct page *text_page(unsigned long addr)
{
	if (addr >= MODULES_VADDR && addr < MODULES_END)
		return vmalloc_to_page((void *)addr);
	return virt_to_page((void *)addr);
}

u8 *ksplice_text_alias(unsigned long addr, size_t len, void **mapping)
{
	unsigned int count = PFN_UP(offset_in_page(addr) + len), i;
	struct page **pages = kmalloc_array(count, sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return NULL;
	for (i = 0; i < count; i++) {
		pages[i] = text_page((addr & PAGE_MASK) + i * PAGE_SIZE);
		if (!pages[i] || KS_FAULT("text_page"))
			break;
	}
	*mapping = i == count ? vmap(pages, count, VM_MAP, PAGE_KERNEL) : NULL;
	kfree(pages);
	return *mapping ? (u8 *)*mapping + offset_in_page(addr) : NULL;
}

int ksplice_text_map(struct ksplice_patch *p)
{
	p->alias = ksplice_text_alias(p->old_addr + p->slot, KSPLICE_JUMP_SIZE, &p->mapping);
	return p->alias ? 0 : -ENOMEM;
}

void ksplice_text_unmap(struct ksplice_patch *p)
{
	if (p->mapping)
		vunmap(p->mapping);
	p->mapping = NULL;
	p->alias = NULL;
}

static bool write_at_once(u8 *alias, const u8 *bytes)
{
	unsigned long offset = (unsigned long)alias & 15;
	u64 *base = (u64 *)(alias - offset);
	u64 old[2], new[2];
	bool ok;

	if (offset + KSPLICE_JUMP_SIZE > 16 || !boot_cpu_has(X86_FEATURE_CX16))
		return false;
	old[0] = base[0];
	old[1] = base[1];
	memcpy(new, old, sizeof(new));
	memcpy((u8 *)new + offset, bytes, KSPLICE_JUMP_SIZE);
	asm volatile("lock cmpxchg16b %1"
		     : "=@ccz"(ok), "+m"(*(unsigned __int128 *)base), "+a"(old[0]), "+d"(old[1])
		     : "b"(new[0]), "c"(new[1])
		     : "memory");
	return ok;
}

void ksplice_text_write(struct ksplice_patch *p, const u8 bytes[KSPLICE_JUMP_SIZE])
{
	if (!write_at_once(p->alias, bytes))
		memcpy(p->alias, bytes, KSPLICE_JUMP_SIZE);
}

/*
 * Constants as they were.  A variable has the value that it has, unless its
 * update is about to go, and takes with it the value that it set.
 */
static void overlay_data(const struct ksplice_update *u, unsigned long addr, u8 *buf, size_t len)
{
	u32 i;

	for (i = 0; i < u->nr_data; i++) {
		const struct ksplice_data *d = &u->data[i];
		unsigned long from = max(addr, d->addr), to = min(addr + len, d->addr + d->size);

		if (from >= to || (d->writable && !u->leaving))
			continue;
		if (d->writable && memcmp(buf + (from - addr), d->content + (from - d->addr), to - from))
			continue;
		memcpy(buf + (from - addr), d->original + (from - d->addr), to - from);
	}
}

/* Puts the original bytes of applied patches over what was read. */
static void overlay(unsigned long addr, u8 *buf, size_t len, bool now)
{
	struct ksplice_update *u;
	u32 i, k;

	/* What was changed last is taken back first. */
	list_for_each_entry_reverse(u, &ksplice_updates, list) {
		if (u->stage != KSPLICE_APPLIED)
			continue;
		for (i = 0; i < u->nr_patches; i++) {
			unsigned long slot = u->patches[i].old_addr + u->patches[i].slot;

			if (u->patches[i].by_tracer)
				continue;
			for (k = 0; k < KSPLICE_JUMP_SIZE; k++)
				if (slot + k >= addr && slot + k < addr + len)
					buf[slot + k - addr] = u->patches[i].original[k];
		}
		if (!now)
			overlay_data(u, addr, buf, len);
	}
}

/* The kernel's image, or the area of modules: nothing else is read, whatever a table says. */
static bool is_readable(unsigned long addr, size_t len)
{
	if (addr >= ks_kernel.text && addr < ks_kernel.end)
		return len <= ks_kernel.end - addr;
	if (addr >= MODULES_VADDR && addr < MODULES_END)
		return len <= MODULES_END - addr;
	return false;
}

size_t ksplice_text_read(unsigned long addr, void *buf, size_t len, bool now)
{
	/* The end of what is mapped may come before the end of what is wanted. */
	while (len &&
	       (!is_readable(addr, len) || copy_from_kernel_nofault(buf, (void *)addr, len))) {
		size_t beyond = offset_in_page(addr + len);

		if (!beyond)
			beyond = PAGE_SIZE;
		len = beyond >= len ? 0 : len - beyond;
	}
	overlay(addr, buf, len, now);
	return len;
}
