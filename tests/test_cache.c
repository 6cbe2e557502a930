// SPDX-License-Identifier: MIT
// The disk cache: what is put is got; whatever is wrong with the disk is a miss.
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache.h"
#include "harness/session.h"

struct fixture {
    char dir[64];
    struct log_lines lines;
    struct gyre_log log;
    struct gyre_cache *cache;
};

static void set_up(struct fixture *f)
{
    strcpy(f->dir, "/tmp/gyre-cache-XXXXXX");
    cr_assert(mkdtemp(f->dir) != NULL);
    f->log = log_into(&f->lines);
    gyre_cache_open(&f->log, f->dir, &f->cache);
    cr_assert(f->cache != NULL, "%s", f->lines.text);
}

// Calls `each` with the path of every file in the cache.
static void for_each_file(const char *dir, void (*each)(const char *path))
{
    char path[512];
    DIR *stream = opendir(dir);
    cr_assert(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%.200s", dir, entry->d_name);
        if (entry->d_name[0] != '.')
            each(path);
    }
    closedir(stream);
}

static void remove_file(const char *path)
{
    cr_assert(remove(path) == 0);
}

static void tear_down(struct fixture *f)
{
    gyre_cache_close(&f->cache);
    cr_assert(f->cache == NULL);
    for_each_file(f->dir, remove_file);
    rmdir(f->dir);
}

static void assert_holds(struct gyre_cache *cache, const char *key, const char *text)
{
    void *data;
    size_t size;
    cr_assert(gyre_cache_get(cache, key, &data, &size), "%s is missing", key);
    cr_assert(size == strlen(text) && memcmp(data, text, size) == 0);
    free(data);
}

static void assert_misses(struct gyre_cache *cache, const char *key)
{
    void *data = &data;
    size_t size;
    cr_assert(!gyre_cache_get(cache, key, &data, &size) && data == NULL);
}

Test(cache, what_is_put_is_got)
{
    struct fixture f;
    set_up(&f);
    assert_misses(f.cache, "key");
    gyre_cache_put(f.cache, "key", "one", 3);
    gyre_cache_put(f.cache, "other key", "", 0);
    assert_holds(f.cache, "key", "one");
    assert_holds(f.cache, "other key", "");
    gyre_cache_put(f.cache, "key", "second", 6);
    assert_holds(f.cache, "key", "second");
    cr_assert(strcmp(gyre_cache_dir(f.cache), f.dir) == 0);
    cr_assert(gyre_cache_clear(f.cache) == 2);
    assert_misses(f.cache, "key");
    tear_down(&f);
}

static void truncate_file(const char *path)
{
    struct stat st;
    cr_assert(stat(path, &st) == 0 && truncate(path, st.st_size - 1) == 0);
}

static void flip_last_byte(const char *path)
{
    FILE *file = fopen(path, "r+b");
    cr_assert(file != NULL && fseek(file, -1, SEEK_END) == 0);
    int byte = fgetc(file);
    cr_assert(fseek(file, -1, SEEK_END) == 0 && fputc(byte ^ 1, file) != EOF);
    fclose(file);
}

static void empty_file(const char *path)
{
    cr_assert(truncate(path, 0) == 0);
}

Test(cache, damaged_entries_are_misses_that_a_put_mends)
{
    static void (*const damages[])(const char *path) = {truncate_file, flip_last_byte, empty_file};
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < 3; i++) {
        gyre_cache_put(f.cache, "key", "contents", 8);
        f.lines.text[0] = '\0';
        for_each_file(f.dir, damages[i]);
        assert_misses(f.cache, "key");
        cr_assert(strstr(f.lines.text, "damaged") != NULL, "no log line: %s", f.lines.text);
        gyre_cache_put(f.cache, "key", "contents", 8);
        assert_holds(f.cache, "key", "contents");
    }
    tear_down(&f);
}

static void count_entry(void *user, const struct gyre_cache_entry *entry)
{
    size_t *counts = user;
    counts[entry->is_damaged]++;
}

Test(cache, listing_tells_damaged_ones)
{
    struct fixture f;
    size_t counts[2] = {0, 0};
    set_up(&f);
    gyre_cache_put(f.cache, "bad", "contents", 8);
    for_each_file(f.dir, flip_last_byte);
    gyre_cache_put(f.cache, "good", "contents", 8);
    gyre_cache_list(f.cache, count_entry, counts);
    cr_assert(counts[0] == 1 && counts[1] == 1);
    tear_down(&f);
}

static void assert_refused(struct fixture *f, const char *dir)
{
    struct gyre_cache *cache = f->cache;
    f->lines.text[0] = '\0';
    gyre_cache_open(&f->log, dir, &cache);
    cr_assert(cache == NULL, "%s was accepted", dir);
    cr_assert(strlen(f->lines.text) > 0, "no log line for %s", dir);
}

// A cached binary is code: a directory that others can write to is not used.
Test(cache, directories_of_others_are_refused)
{
    struct fixture f;
    set_up(&f);
    chmod(f.dir, 0777);
    assert_refused(&f, f.dir);
    chmod(f.dir, 0770);
    assert_refused(&f, f.dir);
    if (geteuid() == 0) {
        chmod(f.dir, 0700);
        cr_assert(chown(f.dir, 12345, 12345) == 0);
        assert_refused(&f, f.dir);
        cr_assert(chown(f.dir, 0, 0) == 0);
    } else {
        assert_refused(&f, "/usr");
    }
    assert_refused(&f, "/dev/null/gyre");
    chmod(f.dir, 0700);
    tear_down(&f);
}

// A directory that cannot be written costs log lines, never a failure. Root writes anywhere, so
// there the directory is gone.
Test(cache, unwritable_directories_cost_a_log_line)
{
    struct fixture f;
    set_up(&f);
    gyre_cache_put(f.cache, "key", "contents", 8);
    if (geteuid() == 0) {
        gyre_cache_clear(f.cache);
        cr_assert(rmdir(f.dir) == 0);
    } else {
        chmod(f.dir, 0500);
    }
    f.lines.text[0] = '\0';
    gyre_cache_put(f.cache, "new key", "contents", 8);
    assert_misses(f.cache, "new key");
    cr_assert(strlen(f.lines.text) > 0);
    if (geteuid() == 0)
        mkdir(f.dir, 0700);
    chmod(f.dir, 0700);
    tear_down(&f);
}

Test(cache, no_cache_is_a_miss)
{
    struct gyre_cache *cache = NULL;
    gyre_cache_open(NULL, "", &cache);
    cr_assert(cache == NULL);
    assert_misses(NULL, "key");
    gyre_cache_put(NULL, "key", "contents", 8);
    cr_assert(gyre_cache_clear(NULL) == 0 && strcmp(gyre_cache_dir(NULL), "") == 0);
    gyre_cache_close(&cache);
}

// What a writer and a reader in different processes do at once.
static void write_and_read(const char *dir, char letter)
{
    struct gyre_cache *cache;
    char text[4096];
    gyre_cache_open(NULL, dir, &cache);
    memset(text, letter, sizeof(text));
    for (int i = 0; i < 200; i++) {
        void *data;
        size_t size;
        gyre_cache_put(cache, "shared", text, sizeof(text));
        if (!gyre_cache_get(cache, "shared", &data, &size))
            _exit(1);
        // Either process's bytes, but never a mixture.
        const char *bytes = data;
        if (size != sizeof(text) || memcmp(bytes, bytes + 1, size - 1) != 0)
            _exit(2);
        free(data);
    }
    gyre_cache_close(&cache);
    _exit(0);
}

Test(cache, two_processes_share_one_directory)
{
    struct fixture f;
    set_up(&f);
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        cr_assert(children[i] >= 0);
        if (children[i] == 0)
            write_and_read(f.dir, (char)('a' + i));
    }
    for (int i = 0; i < 2; i++) {
        int status;
        cr_assert(waitpid(children[i], &status, 0) == children[i]);
        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d: %d", i,
                  WEXITSTATUS(status));
    }
    tear_down(&f);
}
