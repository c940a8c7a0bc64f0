/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A repository on the disk of its publisher.  Its files are all the state there
 * is: they are read, checked as a client would, and the next ones are written,
 * each in one step and after all that it refers to.  So whoever reads the tree
 * at any moment, or after a power cut, finds the old state or the new one.
 */
#ifndef KS_UPTRACK_STORE_H
#define KS_UPTRACK_STORE_H

#include "uptrack/head.h"

struct ks_store {
	char *dir;
	int lock; /* -1: not held; then nothing may be written */
	/*
	 * The keys whose signatures count, each checked from the one before it: the
	 * oldest first.  For who signs, they end with his own.
	 */
	KS_VEC(struct ks_public_key) keys;
	struct ks_secret_key secret; /* of the last of the keys, where the lock is held */
};

/*
 * Makes an empty repository for that key; one that has it already is left as it
 * is.  KS_E_REFUSED: there is one of another key.
 */
struct ks_error *ks_store_init(const char *dir, const struct ks_secret_key *secret) KS_MUST_CHECK;

/*
 * For reading.  @root: a key that is trusted, and with it those that follow; NULL:
 * the first one of the repository, which proves no more than that it is whole.
 */
struct ks_error *ks_store_open(const char *dir, const struct ks_public_key *root,
			       struct ks_store **store) KS_MUST_CHECK;
/*
 * For writing, with the lock: KS_E_REFUSED where another publisher is at work.
 * What an interrupted one has left behind is removed.  The key is copied.
 */
struct ks_error *ks_store_open_locked(const char *dir, const struct ks_secret_key *secret,
				      struct ks_store **store) KS_MUST_CHECK;
void ks_store_close(struct ks_store *store); /* accepts NULL */

/* All kernels, by their names, sorted. */
struct ks_error *ks_store_kernels(const struct ks_store *store, struct ks_strv *names) KS_MUST_CHECK;
/*
 * A kernel by its name, or by its release where only one has it.  KS_E_USAGE:
 * it is not there, or there are several.
 */
struct ks_error *ks_store_find(const struct ks_store *store, const char *text,
			       struct ks_repo_kernel *kernel) KS_MUST_CHECK;
bool ks_store_serves(const struct ks_store *store, const struct ks_repo_kernel *kernel);

/*
 * The index of a kernel, checked as a client checks it, but for its age.  *head
 * may be NULL.
 */
struct ks_error *ks_store_read(const struct ks_store *store, const struct ks_repo_kernel *kernel,
			       struct ks_head *head, struct ks_index *index) KS_MUST_CHECK;

/* An index without updates, for a kernel that has none yet: serial number 0. */
void ks_store_new_index(const struct ks_repo_kernel *kernel, struct ks_index *index);

/* The tarball of an update that an index is the first to name. */
struct ks_store_tarball {
	const char *id, *sha256;
	const struct ks_buf *bytes;
};

/*
 * Publishes the index: with the next serial number, created at @now and valid
 * for so many seconds.  *index gets these.  The tarball (NULL: no new one) is
 * put in place before; an index that nobody would accept is refused before that.
 */
struct ks_error *ks_store_publish(const struct ks_store *store, struct ks_index *index, uint64_t now,
				  uint64_t valid, const struct ks_store_tarball *tarball) KS_MUST_CHECK;

/*
 * Names the next key, for all indexes that are published from now on.  A key has
 * one successor: KS_E_REFUSED where there is another.
 */
struct ks_error *ks_store_put_next_key(const struct ks_store *store,
				       const struct ks_public_key *next) KS_MUST_CHECK;
/* The key that follows, checked.  *has: whether there is one. */
struct ks_error *ks_store_next_key(const struct ks_store *store, const struct ks_public_key *before,
				   struct ks_public_key *next, bool *has) KS_MUST_CHECK;

/* Calls @f with each file below v1, as "v1/..."; until it returns an error. */
struct ks_error *ks_store_walk(const struct ks_store *store,
			       struct ks_error *(*f)(void *arg, const char *path),
			       void *arg) KS_MUST_CHECK;
/* "NAME.XXXXXX": left by a publisher that was interrupted. */
bool ks_store_is_leftover(const char *path);

/* The path on the disk of "v1/..."; the caller frees. */
char *ks_store_path(const struct ks_store *store, const char *path);

#endif
