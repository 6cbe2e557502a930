// SPDX-License-Identifier: MIT
#include "verdict.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "source.h"
#include "variant.h"

struct known {
    struct gyre_together what;
    enum gyre_verdict verdict;
    struct known *next;
};

struct gyre_verdicts {
    pthread_mutex_t lock;
    struct known *first;
};

struct gyre_verdicts *gyre_verdicts_create(void)
{
    struct gyre_verdicts *verdicts = calloc(1, sizeof(*verdicts));
    if (verdicts != NULL)
        pthread_mutex_init(&verdicts->lock, NULL);
    return verdicts;
}

void gyre_verdicts_destroy(struct gyre_verdicts *verdicts)
{
    if (verdicts == NULL)
        return;
    for (struct known *known = verdicts->first, *next; known != NULL; known = next) {
        next = known->next;
        free(known);
    }
    pthread_mutex_destroy(&verdicts->lock);
    free(verdicts);
}

static enum gyre_verdict find(struct gyre_verdicts *verdicts, const struct gyre_together *what)
{
    enum gyre_verdict verdict = GYRE_UNTESTED;
    pthread_mutex_lock(&verdicts->lock);
    for (struct known *known = verdicts->first; known != NULL; known = known->next)
        if (memcmp(&known->what, what, sizeof(*what)) == 0) {
            verdict = known->verdict;
            break;
        }
    pthread_mutex_unlock(&verdicts->lock);
    return verdict;
}

static void remember(struct gyre_verdicts *verdicts, const struct gyre_together *what,
                     enum gyre_verdict verdict)
{
    struct known *known = malloc(sizeof(*known));
    if (known == NULL)
        return; // it will be tested again
    pthread_mutex_lock(&verdicts->lock);
    *known = (struct known){*what, verdict, verdicts->first};
    verdicts->first = known;
    pthread_mutex_unlock(&verdicts->lock);
}

// --- on disk

enum { KEY_SIZE = 4096 };

static void add_variant(const struct gyre_device *device, const struct gyre_variant *variant,
                        char *key, size_t size)
{
    char text[512] = "a library's product";
    uint64_t source = 0;
    if (variant->kernel != NULL) {
        gyre_variant_describe(variant, text, sizeof(text));
        source = gyre_source_hash(device->info.backend, variant->kernel->name);
    }
    size_t used = strlen(key);
    snprintf(key + used, size - used, " | %s, source %016llx", text, (unsigned long long)source);
}

static void make_key(const struct gyre_device *device, const struct gyre_together *what,
                     char key[KEY_SIZE])
{
    static const struct gyre_variant none;
    snprintf(key, KEY_SIZE, "verdict | gyre %s | %s | %s | %s", gyre_version(),
             gyre_backend_name(device->info.backend), device->info.name, device->info.driver);
    for (int i = 0; i < GYRE_MAX_TOGETHER; i++)
        if (memcmp(&what->variants[i], &none, sizeof(none)) != 0)
            add_variant(device, &what->variants[i], key, KEY_SIZE);
}

enum gyre_verdict gyre_verdict_get(struct gyre_device *device, const struct gyre_together *what)
{
    enum gyre_verdict verdict = find(device->verdicts, what);
    if (verdict != GYRE_UNTESTED || device->cache == NULL)
        return verdict;
    char key[KEY_SIZE];
    void *data;
    size_t size;
    make_key(device, what, key);
    if (!gyre_cache_get(device->cache, key, &data, &size))
        return GYRE_UNTESTED;
    if (size == 1)
        verdict = *(char *)data == 'r' ? GYRE_RIGHT : GYRE_WRONG;
    free(data);
    if (verdict != GYRE_UNTESTED)
        remember(device->verdicts, what, verdict);
    return verdict;
}

void gyre_verdict_set(struct gyre_device *device, const struct gyre_together *what,
                      enum gyre_verdict verdict)
{
    char key[KEY_SIZE];
    make_key(device, what, key);
    if (verdict != GYRE_UNTESTABLE)
        gyre_cache_put(device->cache, key, verdict == GYRE_RIGHT ? "r" : "w", 1);
    remember(device->verdicts, what, verdict);
}
