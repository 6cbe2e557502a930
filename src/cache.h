// SPDX-License-Identifier: MIT
// The disk cache of compiled kernels. An entry is a blob under a text key that names everything it
// depends on. Nothing here fails a call: a miss, a full disk or a damaged entry costs a rebuild and
// a log line. Safe with several threads and processes.
#ifndef GYRE_CACHE_H
#define GYRE_CACHE_H

#include <gyre/log.h>

struct gyre_cache;

// Opens the directory (NULL: the default one), creating it when missing. *out stays NULL when ""
// was given or there is no home, and with a warning when the directory cannot be used or is owned
// or writable by another user.
void gyre_cache_open(const struct gyre_log *log, const char *dir, struct gyre_cache **out);
void gyre_cache_close(struct gyre_cache **cache);

// On true *data is malloc'ed and the caller's. `cache` may be NULL: a miss.
bool gyre_cache_get(struct gyre_cache *cache, const char *key, void **data, size_t *size);
// Written under a temporary name and renamed. `cache` may be NULL: nothing happens.
void gyre_cache_put(struct gyre_cache *cache, const char *key, const void *data, size_t size);

// The directory; "" when there is none.
const char *gyre_cache_dir(const struct gyre_cache *cache);

struct gyre_cache_entry {
    const char *key;
    size_t size;
    int64_t age_s;
    bool is_damaged;
};
// Calls `visit` for every entry.
void gyre_cache_list(struct gyre_cache *cache,
                     void (*visit)(void *user, const struct gyre_cache_entry *entry), void *user);
// Removes every entry; returns how many.
size_t gyre_cache_clear(struct gyre_cache *cache);

#endif
