/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why an update was not applied or not reversed: the one list of abort codes.
 *
 * The core shows the name in /sys/kernel/ksplice/ID/abort_cause; the tools
 * print the paragraph, or the name with --raw-errors.
 */
#ifndef KSPLICE_ABORT_H
#define KSPLICE_ABORT_H

#define KSPLICE_ABORT_CODES(X)                                                 \
	X(OK, "ok", "Nothing went wrong.")                                     \
	X(NO_MATCH, "no_match",                                                \
	  "The code in the running kernel is not the code that this update was " \
	  "made for. The update was most likely made for another kernel version, " \
	  "or something else has changed the kernel's code.")                  \
	X(CODE_BUSY, "code_busy",                                              \
	  "A task was running, or sleeping in, a function that the update "    \
	  "replaces or reverses. Try again later, or stop the tasks named.")   \
	X(MODULE_BUSY, "module_busy",                                          \
	  "A kernel module that the update needs is being loaded or unloaded, " \
	  "or is in use. Try again later.")                                    \
	X(OUT_OF_MEMORY, "out_of_memory",                                      \
	  "The kernel could not allocate the memory that the update needs.")   \
	X(FAILED_TO_FIND, "failed_to_find",                                    \
	  "A symbol that the update needs was not found in the running kernel, " \
	  "or more than one place fits and nothing tells them apart.")         \
	X(ALREADY_REVERSED, "already_reversed",                                \
	  "The update has already been reversed.")                             \
	X(MISSING_EXPORT, "missing_export",                                    \
	  "A symbol that the update uses is not exported by the running kernel.") \
	X(UNEXPECTED_RUNNING_TASK, "unexpected_running_task",                  \
	  "With the machine stopped, a task was still running.")               \
	X(UNEXPECTED, "unexpected",                                            \
	  "Something that should never happen did; nothing was changed. The "  \
	  "kernel log has the details.")                                       \
	X(TARGET_NOT_LOADED, "target_not_loaded",                              \
	  "A kernel module that the update patches is not loaded.")            \
	X(CALL_FAILED, "call_failed",                                          \
	  "A function of the update that runs before the change refused it.")  \
	X(COLD_UPDATE_LOADED, "cold_update_loaded",                            \
	  "The fixed module is already loaded.")                               \
	X(BAD_SYSTEM_MAP, "bad_system_map",                                    \
	  "The System.map that the update was made with is not that of the "   \
	  "running kernel.")                                                   \
	X(SLOT_CONFLICT, "slot_conflict",                                      \
	  "The place where the jump to the new code has to go is taken: by a " \
	  "kprobe, a jump label, a static call, a livepatch or another update.") \
	X(NEEDED, "needed",                                                    \
	  "Updates that build on each other can only be applied and reversed in " \
	  "their order.")                                                      \
	X(BAD_UPDATE, "bad_update",                                            \
	  "The update's own tables are damaged or of a version that this core " \
	  "does not understand.")

enum ksplice_abort {
#define X(sym, name, text) KSPLICE_##sym,
	KSPLICE_ABORT_CODES(X)
#undef X
	KSPLICE_NR_ABORTS
};

#endif
