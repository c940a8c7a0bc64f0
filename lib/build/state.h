/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of lib/build share and nobody else sees: the state of one
 * build and the steps on it.
 *
 * In the cache directory:
 *	lock	held while a build is open
 *	farm/	the source tree as symbolic links (farm.c)
 *	obj/	kbuild's O= directory, whose source is the farm
 *	include/  ksplice-patch.h, and what it includes (build.c)
 *	stage	what obj/ was prepared from; written last (build.c)
 *	roster	what the kernel builds (roster.c)
 *	includes  the include lines of the whole source (graph.c)
 *	commands  how units are compiled (examine.c)
 *	texts	preprocessed texts of units (texts.c)
 *	verdicts  what examining them came to (verdicts.c)
 *	pre/	pre objects, each with a .stamp of all it was made from (object.c)
 *	post/	the post objects of this run
 *	types/	while types are compared: objects with debug information (layouts.c)
 *	patched/  the files that the patch changes, patched (patch.c)
 *	overlay/  the same with line directives, on their way into the farm
 *	overlay.list  which links of the farm are replaced: a journal (overlay.c)
 *	make.log  what a failed make said, in full
 */
#ifndef KS_BUILD_STATE_H
#define KS_BUILD_STATE_H

#include <time.h>

#include "build/build.h"
#include "build/config.h"

/* Headers and sources are a few hundred KB; the largest generated headers some MB. */
#define KS_BUILD_MAX_FILE (64u << 20)

enum ks_change_kind { KS_CHANGE_MODIFIED, KS_CHANGE_ADDED, KS_CHANGE_REMOVED };

struct ks_change {
	char *path; /* relative to the source */
	enum ks_change_kind kind;
	bool compiled; /* ks_build_units(): it matters, and goes into the overlay */
	bool reaches;  /* some unit's object is made from it */
};

struct ks_build {
	char *source;     /* real paths from here */
	char *config_dir;
	char *cache;
	char *farm;
	char *obj;
	char *include; /* with ksplice-patch.h */
	char *release;
	char *patch_opt;
	int jobs;
	int verbosity;
	bool force_compiler;
	struct ks_report *report;
	int lock;
	struct ks_config *config; /* as given */
	char *cc;           /* the compiler's command */
	char *cc_text;      /* its version line */
	char *as_text;
	char *ld_text;
	bool prepared;
	char *key;          /* identifies what obj/ was prepared from */
	KS_VEC(struct ks_change) changes;
	char *patch_file;   /* they as a patch */
	struct ks_graph *graph; /* ks_build_units(): who includes what */
};

/* build.c: SHA-256, in hexadecimal; the caller frees. */
char *ks_build_hash(const void *data, size_t len);

/* farm.c: brings farm/ up to date with the names in the source. */
struct ks_error *ks_farm_sync(struct ks_build *b) KS_MUST_CHECK;
/* From now on @dir and those above it are real directories of the farm; one that is not there is no
 * error. */
struct ks_error *ks_farm_make_real(struct ks_build *b, const char *dir) KS_MUST_CHECK;
/*
 * The farm's directory that @path is in, reached through real directories only:
 * whatever is written to the farm is written through this, or a link would
 * lead it into the source.  @create: makes directories that a new file needs.
 * *parent is -1 on error.
 */
struct ks_error *ks_farm_open_parent(struct ks_build *b, const char *path, bool create,
				     int *parent) KS_MUST_CHECK;
/* The rest of a name that the compiler gave, behind the farm's; NULL: it does not lie there. */
const char *ks_farm_inside(const struct ks_build *b, const char *name);
/* Points the farm's entry at the source again, or removes it where the source has none. */
struct ks_error *ks_farm_restore(struct ks_build *b, const char *path) KS_MUST_CHECK;

/* inputs.c: one line that changes when the file does, "-" where there is none. */
void ks_inputs_signature(const char *path, struct ks_buf *out);
/* Such a line for each file that the build's tools and its configuration are made from. */
struct ks_error *ks_inputs_scan(struct ks_build *b, struct ks_buf *out) KS_MUST_CHECK;

/* overlay.c: patched files in place of the farm's links. */
struct ks_error *ks_overlay_apply(struct ks_build *b, bool line_directives) KS_MUST_CHECK;
struct ks_error *ks_overlay_undo(struct ks_build *b) KS_MUST_CHECK;

/* generated.c: what kbuild generates from headers. */
/*
 * Refuses changed headers from which something is generated that would come
 * out different.  The overlay is not applied.
 */
struct ks_error *ks_generated_check(struct ks_build *b) KS_MUST_CHECK;
/* Does the text of the makefile in @dir name the file, to generate something from it? */
bool ks_generated_in(struct ks_build *b, const char *dir, const char *path);
/* Removes what kbuild has generated in obj/ since @since: it may be made from patched files. */
struct ks_error *ks_generated_purge(struct ks_build *b, const struct timespec *since) KS_MUST_CHECK;
/* Removes all objects of the kernel and its modules from obj/, with kbuild's notes on them. */
struct ks_error *ks_generated_purge_objects(struct ks_build *b) KS_MUST_CHECK;

/* commands.c: the compiler's arguments for each unit; NULL where kbuild does not say.  The caller frees. */
struct ks_error *ks_commands_get(struct ks_build *b, struct ks_build_unit **units, size_t n,
				 char **arguments) KS_MUST_CHECK;

/* examine.c: takes the units out of the list that a changed header does not affect. */
struct ks_graph;
struct ks_error *ks_examine(struct ks_build *b, const struct ks_graph *graph,
			    struct ks_build_units *units) KS_MUST_CHECK;

/* compiler.c */
struct ks_error *ks_compiler_check(struct ks_build *b) KS_MUST_CHECK;

/* kbuild.c */
#define KS_KBUILD_CFLAGS "-ffunction-sections -fdata-sections -g0"
/* As the kernel's builder compiled it, but for the debug info: an object's own layout. */
#define KS_KBUILD_PLAIN_CFLAGS "-g0"
/* The same for whole modules: ksplice-patch.h has less to do there. */
#define KS_KBUILD_MODULE_CFLAGS KS_KBUILD_PLAIN_CFLAGS " -DKSPLICE_WHOLE_MODULE"

/* @what is for the error: "the original source does not compile". */
struct ks_error *ks_kbuild_make(struct ks_build *b, const char *target,
				const char *what) KS_MUST_CHECK;
/* Makes the targets of the units, one of the above for @cflags. */
struct ks_error *ks_kbuild_compile(struct ks_build *b, struct ks_build_unit **units, size_t n,
				   const char *cflags, const char *what) KS_MUST_CHECK;
/* Links the modules in the list @order, a file, whose .mod.c files are there. */
struct ks_error *ks_kbuild_link_modules(struct ks_build *b, const char *order,
					const char *what) KS_MUST_CHECK;
/*
 * How kbuild would compile the units: appends pairs of a target and the
 * compiler's arguments, as a shell reads them, without -c and the files.
 */
struct ks_error *ks_kbuild_commands(struct ks_build *b, struct ks_build_unit **units, size_t n,
				    struct ks_strv *commands) KS_MUST_CHECK;
/* The environment for every make: nothing of the user's that would change what is built. */
const char *const *ks_kbuild_env(void);

/* roster.c: what kbuild builds in this configuration. */
struct ks_roster;
/* Reads it from the cache, or asks the makefiles.  The build is prepared. */
struct ks_error *ks_roster_open(struct ks_build *b, struct ks_roster **roster) KS_MUST_CHECK;
void ks_roster_free(struct ks_roster *r);
struct ks_roster_entry {
	char *target;       /* kbuild's name of the object */
	struct ks_strv way; /* the directories it descends through: drivers, drivers/net, ... */
	bool apart;         /* linked on its own: the vdso, real mode code */
};
struct ks_roster_list {
	KS_VEC(struct ks_roster_entry) entries;
};
/* Appends the objects that @source (a .c or .S file) compiles into; none: not built. */
void ks_roster_find(const struct ks_roster *r, const char *source, struct ks_roster_list *list);
/* Appends all objects; those of one directory's makefile. */
void ks_roster_all(const struct ks_roster *r, struct ks_roster_list *list);
void ks_roster_in(const struct ks_roster *r, const char *dir, struct ks_roster_list *list);
/* The directories through which kbuild gets to @dir; none: it does not. */
void ks_roster_way(const struct ks_roster *r, const char *dir, struct ks_strv *way);
void ks_roster_directories(const struct ks_roster *r, struct ks_strv *dirs);
void ks_roster_list_free(struct ks_roster_list *list);

/* deps.c */
struct ks_deps {
	struct ks_strv files; /* relative to the source; "@" before those relative to obj/ */
	struct ks_strv
		detours;      /* those of the above that were reached through "../", unnormalised */
	char *modname;        /* NULL: not compiled for a module */
	char *modfile;        /* the same with its directory: drivers/net/dummy */
	char *command;
};
struct ks_error *ks_deps_read(struct ks_build *b, const char *object,
			      struct ks_deps *deps) KS_MUST_CHECK;
void ks_deps_free(struct ks_deps *deps);
/* "a/b/../c.o" -> "a/c.o"; the caller frees. */
char *ks_path_normal(const char *path);

/* object.c: before the overlay, the directories that patched files will be in become real. */
struct ks_error *ks_object_make_real(struct ks_build *b) KS_MUST_CHECK;
/* Reached through "../" from a directory that is a link, @path of the farm is not the overlay's. */
bool ks_object_is_detour(struct ks_build *b, const char *path);

/* units.c */
void ks_units_drop(struct ks_build_units *units, size_t i);

/* patch.c */
/* Where patched/ has another file than the source it becomes one of the changes. */
struct ks_error *ks_patch_compare(struct ks_build *b, const char *path) KS_MUST_CHECK;
void ks_patch_forget(struct ks_build *b);
struct ks_change *ks_build_change(struct ks_build *b, const char *path);

#endif
