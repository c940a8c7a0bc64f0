/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The head of a kernel: which index is the valid one, and whether to believe
 * it.  A head is minisign's signature of the index; its trusted comment says
 * what the index is for:
 *
 *	uptrack 1 kernel=debian/amd64/RELEASE/VERSION serial=7 created=1764115200
 *	    expires=1766707200 size=2312 sha256=...		(in one line)
 *
 * So a head can be checked before the index is there: who asks for the index
 * knows its size and its hash, and who has it already asks for nothing.
 */
#ifndef KS_UPTRACK_HEAD_H
#define KS_UPTRACK_HEAD_H

#include "uptrack/index.h"

/* Why something of a repository is not believed. */
enum ks_refusal {
	KS_REFUSED_NOT,
	KS_REFUSED_MALFORMED,   /* no signature, or no index, of the right form; cut off, or more behind it */
	KS_REFUSED_KEY,         /* signed by a key that is not trusted; see key.h for one that follows it */
	KS_REFUSED_SIGNATURE,   /* not what the key has signed */
	KS_REFUSED_KERNEL,      /* for another kernel */
	KS_REFUSED_OLD,         /* older than what was seen: rolled back */
	KS_REFUSED_EXPIRED,     /* out of date: frozen, or the clock is wrong */
	KS_REFUSED_FUTURE,      /* made in the future: the clock is wrong */
	KS_REFUSED_SIZE,        /* not the index of this head, by size, */
	KS_REFUSED_HASH,        /* by hash, */
	KS_REFUSED_DISAGREES,   /* or by what it says */
	KS_REFUSED_CLIENT,      /* made for newer clients: KS_E_OUTDATED */
};

/* The reason as one word: "expired". */
const char *ks_refusal_name(enum ks_refusal why);

/* What a client trusts, asks for and knows. */
struct ks_trust {
	const struct ks_public_key *keys;
	size_t nr_keys;
	const struct ks_repo_kernel *kernel; /* NULL: any (for a publisher, who looks at all) */
	uint64_t serial; /* of the newest index seen of this kernel; 0: none yet */
	const char *sha256; /* of that index, so that there is one of a serial only; NULL: not known */
	uint64_t now; /* seconds since 1970; 0: times are not looked at (at boot, from the cache) */
};

/* A clock may be that much behind, in seconds. */
#define KS_HEAD_SLACK (24 * 3600)

/* Zero-initialised before. */
struct ks_head {
	struct ks_signature signature;
	struct ks_public_key key; /* that of the trusted ones that has signed it */
	struct ks_repo_kernel kernel;
	uint64_t serial, created, expires;
	uint64_t size; /* of the index, at most KS_INDEX_MAX */
	char sha256[65];
};

/* Signs the text of an index, in which all else is.  @out: the text of the head. */
struct ks_error *ks_head_make(const struct ks_index *index, const struct ks_buf *text,
			      const struct ks_secret_key *key, struct ks_buf *out) KS_MUST_CHECK;

/*
 * Everything that can be known of a head alone.  *why is always set; KS_E_INPUT
 * unless said otherwise there.  *head is empty after an error.
 */
struct ks_error *ks_head_check(const struct ks_trust *trust, const char *text, size_t len,
			       struct ks_head *head, enum ks_refusal *why) KS_MUST_CHECK;
/* The index of a head that was checked.  *index is empty after an error. */
struct ks_error *ks_head_check_index(const struct ks_head *head, const char *text, size_t len,
				     struct ks_index *index, enum ks_refusal *why) KS_MUST_CHECK;
void ks_head_clear(struct ks_head *head);

#endif
