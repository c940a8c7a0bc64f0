/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which keys a machine trusts: those that the administrator put there, and those
 * that they have led to (key.h).  A key that was followed by one that has signed
 * an index is known, and not trusted any more.
 */
#ifndef KS_UPTRACK_KEYS_H
#define KS_UPTRACK_KEYS_H

#include "uptrack/client.h"

#define KS_KEYS_MAX 64

struct ks_known_key {
	struct ks_public_key key;
	int from; /* the one that it follows; -1: the administrator put it there */
	bool dropped;
};

/* Zero-initialised before. */
struct ks_keys {
	KS_VEC(struct ks_known_key) all; /* each behind the one that it follows */
	KS_VEC(struct ks_public_key) trusted;
};

/* Of /etc/uptrack/keys and of the state.  KS_E_USAGE: there is none. */
struct ks_error *ks_keys_read(struct ks_client *c, struct ks_keys *keys) KS_MUST_CHECK;
void ks_keys_clear(struct ks_keys *keys);

/* Asks the repository, from every key that is trusted along the chain of those that follow. */
struct ks_error *ks_keys_follow(struct ks_client *c, struct ks_keys *keys) KS_MUST_CHECK;

/*
 * This one has signed an index: the way to it is remembered, and those before it
 * are not trusted any more.  The state is for the caller to save.
 */
void ks_keys_settle(struct ks_client *c, const struct ks_keys *keys,
		    const struct ks_public_key *key);
/* For the next time, and for the boot, which has no network to find it again. */
void ks_keys_remember(struct ks_client *c, const struct ks_public_key *key,
		      const struct ks_public_key *from);

#endif
