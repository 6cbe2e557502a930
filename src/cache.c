// SPDX-License-Identifier: MIT
#define _GNU_SOURCE // secure_getenv: what is cached is code
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "log.h"

enum { MAX_PATH = 1024, MAX_KEY = 16384 };
static const char suffix[] = ".gyre", temporary_prefix[] = "new-";
static const uint64_t max_total_size = 256u << 20;

struct gyre_cache {
    struct gyre_log log;
    char dir[MAX_PATH];
};

// An entry's file: this, the key without a terminator, the blob.
struct header {
    char magic[8];
    uint32_t key_size, reserved;
    uint64_t blob_size;
    uint64_t hash; // of key and blob
};
static const char magic[8] = "gyre-1\n";

static uint64_t entry_hash(const char *key, size_t key_size, const void *blob, size_t size)
{
    return XXH3_64bits_withSeed(blob, size, XXH3_64bits(key, key_size));
}

// --- the directory

static bool default_dir(char dir[MAX_PATH])
{
    const char *own = secure_getenv("GYRE_CACHE_DIR");
    const char *xdg = secure_getenv("XDG_CACHE_HOME");
    const char *home = secure_getenv("HOME");
    if (own != NULL)
        return snprintf(dir, MAX_PATH, "%s", own) < MAX_PATH;
    if (xdg != NULL && *xdg != '\0')
        return snprintf(dir, MAX_PATH, "%s/gyre", xdg) < MAX_PATH;
    if (home != NULL && *home != '\0')
        return snprintf(dir, MAX_PATH, "%s/.cache/gyre", home) < MAX_PATH;
    return false;
}

// Creates the directory and those above it; the last one private.
static void make_dirs(const char *dir)
{
    char path[MAX_PATH];
    snprintf(path, sizeof(path), "%s", dir);
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    mkdir(path, 0700);
}

// A cached binary is code: nobody else may be able to put one there.
static bool is_trusted(const struct gyre_log *log, const char *dir)
{
    struct stat st;
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        gyre_log_write(log, GYRE_LOG_WARNING, "cache: cannot use %s: %s", dir, strerror(errno));
        return false;
    }
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        gyre_log_write(log, GYRE_LOG_WARNING,
                       "cache: not using %s: owned or writable by another user", dir);
        return false;
    }
    return true;
}

void gyre_cache_open(const struct gyre_log *log, const char *dir, struct gyre_cache **out)
{
    *out = NULL;
    struct gyre_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return;
    cache->log = log ? *log : (struct gyre_log){0};
    bool fits =
        dir ? snprintf(cache->dir, MAX_PATH, "%s", dir) < MAX_PATH : default_dir(cache->dir);
    if (fits && cache->dir[0] != '\0')
        make_dirs(cache->dir);
    if (!fits || cache->dir[0] == '\0' || !is_trusted(log, cache->dir)) {
        free(cache);
        return;
    }
    *out = cache;
}

void gyre_cache_close(struct gyre_cache **cache)
{
    if (cache == NULL)
        return;
    free(*cache);
    *cache = NULL;
}

const char *gyre_cache_dir(const struct gyre_cache *cache)
{
    return cache ? cache->dir : "";
}

// --- entries

static void entry_path(const struct gyre_cache *cache, const char *key, char path[2 * MAX_PATH])
{
    XXH128_hash_t hash = XXH3_128bits(key, strlen(key));
    snprintf(path, 2 * MAX_PATH, "%s/%016" PRIx64 "%016" PRIx64 "%s", cache->dir, hash.high64,
             hash.low64, suffix);
}

// Opens an entry that is ours alone, for reading; NULL otherwise.
static FILE *open_entry(const char *path, struct stat *st)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    bool is_ours = fstat(fd, st) == 0 && S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
                   (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
    FILE *file = is_ours ? fdopen(fd, "rb") : NULL;
    if (file == NULL)
        close(fd);
    return file;
}

// Reads and checks a whole entry. On true *key (ended by 0) and *blob are malloc'ed.
static bool read_entry(FILE *file, uint64_t file_size, char **key, void **blob, size_t *size)
{
    struct header header;
    *key = NULL;
    *blob = NULL;
    if (fread(&header, sizeof(header), 1, file) != 1 ||
        memcmp(header.magic, magic, sizeof(magic)) != 0 || header.key_size > MAX_KEY ||
        header.blob_size > max_total_size ||
        sizeof(header) + header.key_size + header.blob_size != file_size)
        return false;
    *size = header.blob_size;
    *key = calloc(1, header.key_size + 1u);
    *blob = malloc(header.blob_size + 1);
    if (*key != NULL && *blob != NULL && fread(*key, 1, header.key_size, file) == header.key_size &&
        fread(*blob, 1, *size, file) == *size &&
        entry_hash(*key, header.key_size, *blob, *size) == header.hash)
        return true;
    free(*key);
    free(*blob);
    *key = NULL;
    *blob = NULL;
    return false;
}

bool gyre_cache_get(struct gyre_cache *cache, const char *key, void **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    if (cache == NULL)
        return false;
    char path[2 * MAX_PATH];
    struct stat st;
    entry_path(cache, key, path);
    FILE *file = open_entry(path, &st);
    if (file == NULL)
        return false;
    char *stored_key;
    bool is_whole = read_entry(file, (uint64_t)st.st_size, &stored_key, data, size);
    bool is_hit = is_whole && strcmp(stored_key, key) == 0;
    fclose(file);
    if (!is_whole)
        gyre_log_write(&cache->log, GYRE_LOG_WARNING, "cache: damaged entry %s is rebuilt", path);
    if (!is_hit) {
        free(*data);
        *data = NULL;
    }
    free(stored_key);
    return is_hit;
}

static bool write_entry(int fd, const char *key, const void *data, size_t size)
{
    struct header header = {.key_size = (uint32_t)strlen(key), .blob_size = size};
    memcpy(header.magic, magic, sizeof(magic));
    header.hash = entry_hash(key, header.key_size, data, size);
    FILE *file = fdopen(fd, "wb");
    if (file == NULL) {
        close(fd);
        return false;
    }
    bool ok = fwrite(&header, sizeof(header), 1, file) == 1 &&
              fwrite(key, 1, header.key_size, file) == header.key_size &&
              fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && ok;
}

// --- bounding the size

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static bool is_entry(const char *name)
{
    return ends_with(name, suffix);
}

// What a process left that was killed while it wrote.
static bool is_leftover(const char *name)
{
    return strncmp(name, temporary_prefix, strlen(temporary_prefix)) == 0;
}

// Calls visit(path) for every file that is `wanted`.
static void for_each_path(const char *dir, bool (*wanted)(const char *name),
                          void (*visit)(void *user, const char *path), void *user)
{
    DIR *stream = opendir(dir);
    if (stream == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (!wanted(entry->d_name))
            continue;
        char path[2 * MAX_PATH];
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        visit(user, path);
    }
    closedir(stream);
}

static void remove_if_old(void *user, const char *path)
{
    const time_t hour = 3600; // nobody writes for so long
    struct stat st;
    (void)user;
    if (lstat(path, &st) == 0 && time(NULL) - st.st_mtime > hour)
        unlink(path);
}

struct census {
    uint64_t total;
    time_t oldest_time;
    char oldest[2 * MAX_PATH];
};

static void count_entry(void *user, const char *path)
{
    struct census *census = user;
    struct stat st;
    if (lstat(path, &st) != 0)
        return;
    census->total += (uint64_t)st.st_size;
    if (census->oldest[0] == '\0' || st.st_mtime < census->oldest_time) {
        census->oldest_time = st.st_mtime;
        snprintf(census->oldest, sizeof(census->oldest), "%s", path);
    }
}

// Removes oldest entries until `size` more bytes fit.
static void make_room(struct gyre_cache *cache, size_t size)
{
    for_each_path(cache->dir, is_leftover, remove_if_old, NULL);
    for (;;) {
        struct census census = {0};
        for_each_path(cache->dir, is_entry, count_entry, &census);
        if (census.total + size <= max_total_size || census.oldest[0] == '\0' ||
            unlink(census.oldest) != 0)
            return;
    }
}

void gyre_cache_put(struct gyre_cache *cache, const char *key, const void *data, size_t size)
{
    if (cache == NULL || strlen(key) > MAX_KEY || size > max_total_size / 4)
        return;
    make_room(cache, size);
    char path[2 * MAX_PATH], temporary[2 * MAX_PATH];
    entry_path(cache, key, path);
    snprintf(temporary, sizeof(temporary), "%s/%sXXXXXX", cache->dir, temporary_prefix);
    int fd = mkstemp(temporary);
    if (fd < 0) {
        gyre_log_write(&cache->log, GYRE_LOG_WARNING, "cache: cannot write in %s: %s", cache->dir,
                       strerror(errno));
        return;
    }
    if (!write_entry(fd, key, data, size) || rename(temporary, path) != 0) {
        gyre_log_write(&cache->log, GYRE_LOG_WARNING, "cache: cannot write %s: %s", path,
                       strerror(errno));
        unlink(temporary);
    }
}

// --- listing and clearing

struct visitor {
    void (*visit)(void *user, const struct gyre_cache_entry *entry);
    void *user;
};

static void visit_entry(void *user, const char *path)
{
    const struct visitor *visitor = user;
    struct stat st;
    FILE *file = open_entry(path, &st);
    if (file == NULL)
        return;
    char *key;
    void *blob;
    size_t size;
    bool is_whole = read_entry(file, (uint64_t)st.st_size, &key, &blob, &size);
    fclose(file);
    struct gyre_cache_entry entry = {
        .key = is_whole ? key : path,
        .size = (size_t)st.st_size,
        .age_s = (int64_t)(time(NULL) - st.st_mtime),
        .is_damaged = !is_whole,
    };
    visitor->visit(visitor->user, &entry);
    free(key);
    free(blob);
}

void gyre_cache_list(struct gyre_cache *cache,
                     void (*visit)(void *user, const struct gyre_cache_entry *entry), void *user)
{
    struct visitor visitor = {visit, user};
    if (cache != NULL)
        for_each_path(cache->dir, is_entry, visit_entry, &visitor);
}

static void remove_entry(void *user, const char *path)
{
    size_t *n = user;
    *n += unlink(path) == 0;
}

size_t gyre_cache_clear(struct gyre_cache *cache)
{
    size_t n = 0;
    if (cache != NULL)
        for_each_path(cache->dir, is_entry, remove_entry, &n);
    return n;
}
