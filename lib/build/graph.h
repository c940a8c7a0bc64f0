/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The include graph: who includes a file, by the text of the source, for all
 * files that a build for x86 may read.  It knows nothing of conditionals, so
 * it finds too many (some 9 in 100), but misses none that the compiler reads.
 */
#ifndef KS_BUILD_GRAPH_H
#define KS_BUILD_GRAPH_H

#include "base/buf.h"
#include "base/error.h"
#include "base/term.h"

struct ks_graph;

/*
 * Reads the graph from @cache_file, scans the files below @source that are new
 * or have changed since, and writes it back where there were any.
 */
struct ks_error *ks_graph_open(const char *source, const char *cache_file,
			       struct ks_report *report, struct ks_graph **graph) KS_MUST_CHECK;
void ks_graph_free(struct ks_graph *g);

/* A file that the patch adds: from now on it takes part when names are looked up. */
void ks_graph_add(struct ks_graph *g, const char *path);

/*
 * Appends the .c and .S files that include one of @paths, directly or through
 * others, and those of @paths that are such files themselves.  *all: one of
 * the files found is given to every compiler on the command line.
 */
void ks_graph_reach(struct ks_graph *g, const struct ks_strv *paths, struct ks_strv *sources,
		    bool *all);

/* "size mtime ctime" of a file as it was scanned; NULL: not in the graph. */
const char *ks_graph_signature(const struct ks_graph *g, const char *path);

/* Files in the graph, and how many had to be scanned. */
size_t ks_graph_files(const struct ks_graph *g);
size_t ks_graph_scanned(const struct ks_graph *g);

#endif
