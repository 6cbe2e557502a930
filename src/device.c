// SPDX-License-Identifier: MIT
// Discovery, choice and life of devices.
#include <gyre/device.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend.h"
#include "cache.h"
#include "log.h"
#include "rank.h"
#include "verdict.h"

static const struct gyre_backend *const backends[] = {
    &gyre_backend_vulkan,
    &gyre_backend_opencl,
    &gyre_backend_cpu,
};
enum { N_BACKENDS = sizeof(backends) / sizeof(*backends) };

struct gyre_found {
    struct gyre_device_info *infos; // (n)
    size_t n, capacity;
};

struct gyre_device_list {
    struct gyre_found found;
};

const char *gyre_backend_name(enum gyre_backend_kind backend)
{
    static const char *const names[GYRE_N_BACKENDS] = {"cpu", "opencl", "vulkan"};
    return (unsigned)backend < GYRE_N_BACKENDS ? names[backend] : "?";
}

const char *gyre_device_type_name(enum gyre_device_type type)
{
    static const char *const names[GYRE_N_DEVICE_TYPES] = {
        [GYRE_DEVICE_OTHER] = "other",
        [GYRE_DEVICE_DISCRETE] = "discrete",
        [GYRE_DEVICE_INTEGRATED] = "integrated",
        [GYRE_DEVICE_VIRTUAL] = "virtual",
        [GYRE_DEVICE_CPU] = "cpu",
        [GYRE_DEVICE_SOFTWARE] = "software",
    };
    return (unsigned)type < GYRE_N_DEVICE_TYPES ? names[type] : "?";
}

// --- discovery

enum gyre_status gyre_found_add(struct gyre_found *found, const struct gyre_device_info *info)
{
    if (found->n == found->capacity) {
        size_t capacity = found->capacity ? 2 * found->capacity : 4;
        struct gyre_device_info *grown = realloc(found->infos, capacity * sizeof(*grown));
        if (grown == NULL)
            return GYRE_NO_MEMORY;
        found->infos = grown;
        found->capacity = capacity;
    }
    found->infos[found->n++] = *info;
    return GYRE_OK;
}

// Lists the devices of one backend, or of all (NULL), best first.
static enum gyre_status discover(const struct gyre_device_params *params,
                                 const struct gyre_backend *only, struct gyre_found *found)
{
    for (size_t i = 0; i < N_BACKENDS; i++) {
        if (only != NULL && backends[i] != only)
            continue;
        enum gyre_status status = backends[i]->list(params, found);
        if (status == GYRE_NO_MEMORY)
            return status;
        if (status != GYRE_OK)
            gyre_log_write(&params->log, GYRE_LOG_WARNING, "%s: no devices: %s",
                           gyre_backend_name(backends[i]->kind), gyre_status_name(status));
    }
    gyre_rank_sort(found->infos, found->n);
    return GYRE_OK;
}

enum gyre_status gyre_device_list_create(const struct gyre_device_params *params,
                                         struct gyre_device_list **out)
{
    static const struct gyre_device_params defaults;
    params = params ? params : &defaults;
    if (out == NULL)
        return gyre_fail(&params->log, GYRE_INVALID, "device list: out is NULL");
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return GYRE_NO_MEMORY;
    enum gyre_status status = discover(params, NULL, &(*out)->found);
    if (status != GYRE_OK)
        gyre_device_list_destroy(out);
    return status;
}

void gyre_device_list_destroy(struct gyre_device_list **list)
{
    if (list == NULL || *list == NULL)
        return;
    free((*list)->found.infos);
    free(*list);
    *list = NULL;
}

size_t gyre_device_list_count(const struct gyre_device_list *list)
{
    return list ? list->found.n : 0;
}

const struct gyre_device_info *gyre_device_list_get(const struct gyre_device_list *list, size_t i)
{
    return list && i < list->found.n ? &list->found.infos[i] : NULL;
}

// --- choice

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

// "vulkan", "vulkan:1", "opencl:amd", a part of a name.
static bool is_named(const struct gyre_device_info *info, const char *name)
{
    const char *backend = gyre_backend_name(info->backend);
    size_t length = strlen(backend);
    if (strcasecmp(info->id, name) == 0 || strcasecmp(backend, name) == 0)
        return true;
    if (strncasecmp(name, backend, length) == 0 && name[length] == ':') {
        const char *part = name + length + 1;
        bool is_number = *part != '\0' && part[strspn(part, "0123456789")] == '\0';
        return !is_number && *part != '\0' &&
               (contains(info->name, part) || contains(info->vendor, part));
    }
    return contains(info->name, name);
}

static enum gyre_status unknown_name(const struct gyre_log *log, const struct gyre_found *found,
                                     const char *name)
{
    char known[2048] = "";
    for (size_t i = 0; i < found->n; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s (%s)", i ? ", " : "", found->infos[i].id,
                 found->infos[i].name);
    }
    return gyre_fail(log, GYRE_INVALID, "no device \"%s\"; known: %s", name, known);
}

// The backend that a name such as "vulkan:1" binds itself to; NULL: any.
static const struct gyre_backend *backend_named(const char *name)
{
    for (size_t i = 0; i < N_BACKENDS; i++) {
        const char *backend = gyre_backend_name(backends[i]->kind);
        size_t length = strlen(backend);
        if (strncasecmp(name, backend, length) == 0 &&
            (name[length] == '\0' || name[length] == ':'))
            return backends[i];
    }
    return NULL;
}

// Finds the device to open; *out points into `found`.
static enum gyre_status choose(const struct gyre_device_params *params, struct gyre_found *found,
                               const struct gyre_device_info **out)
{
    const char *name = params->name;
    if (name == NULL || *name == '\0')
        name = getenv("GYRE_DEVICE");
    if (name == NULL)
        name = "";
    // Loading a driver takes its time: only those that the name leaves open.
    enum gyre_status status = discover(params, backend_named(name), found);
    for (size_t i = 0; i < found->n && status == GYRE_OK; i++)
        if (*name == '\0' || is_named(&found->infos[i], name)) {
            *out = &found->infos[i];
            return GYRE_OK;
        }
    if (status != GYRE_OK)
        return status;
    found->n = 0;
    discover(params, NULL, found);
    return unknown_name(&params->log, found, name);
}

// --- opening and closing

static const struct gyre_backend *backend_of(const struct gyre_device_info *info)
{
    for (size_t i = 0; i < N_BACKENDS; i++)
        if (backends[i]->kind == info->backend)
            return backends[i];
    return NULL;
}

static void close_device(struct gyre_device *device)
{
    struct gyre_cache *cache = device->cache;
    gyre_verdicts_destroy(device->verdicts);
    device->backend->close(device);
    gyre_cache_close(&cache);
}

// Fills the head's remaining fields; what absent tensors are bound to is made here.
static enum gyre_status finish_open(struct gyre_device *device)
{
    enum { DUMMY_SIZE = 256 };
    device->verdicts = gyre_verdicts_create();
    if (device->verdicts == NULL)
        return GYRE_NO_MEMORY;
    enum gyre_status status = device->backend->buffer_create(device, DUMMY_SIZE, &device->dummy);
    if (status != GYRE_OK)
        return status;
    device->dummy->device = device;
    device->dummy->size = DUMMY_SIZE;
    atomic_init(&device->n_refs, 1);
    return GYRE_OK;
}

static enum gyre_status open_info(const struct gyre_device_params *params,
                                  const struct gyre_device_info *info, struct gyre_device **out)
{
    const struct gyre_backend *backend = backend_of(info);
    struct gyre_cache *cache = NULL;
    if (info->type != GYRE_DEVICE_CPU) // whose kernels are in the library
        gyre_cache_open(&params->log, params->cache_dir, &cache);
    enum gyre_status status = backend->open(params, info, cache, out);
    if (status != GYRE_OK) {
        gyre_cache_close(&cache);
        return gyre_fail(&params->log, status, "cannot open %s (%s): %s", info->id, info->name,
                         gyre_status_name(status));
    }
    struct gyre_device *device = *out;
    device->backend = backend;
    device->log = params->log;
    device->info = *info;
    device->cache = cache;
    status = finish_open(device);
    if (status != GYRE_OK) {
        close_device(device);
        *out = NULL;
        return status;
    }
    gyre_log_write(&params->log, GYRE_LOG_INFO, "opened %s (%s): %s", info->id, info->name,
                   info->why);
    return GYRE_OK;
}

enum gyre_status gyre_device_open(const struct gyre_device_params *params, struct gyre_device **out)
{
    static const struct gyre_device_params defaults;
    params = params ? params : &defaults;
    if (out == NULL)
        return gyre_fail(&params->log, GYRE_INVALID, "device open: out is NULL");
    *out = NULL;
    struct gyre_found found = {0};
    const struct gyre_device_info *info = NULL;
    enum gyre_status status = choose(params, &found, &info);
    if (status == GYRE_OK)
        status = open_info(params, info, out);
    free(found.infos);
    return status;
}

void gyre_device_retain(struct gyre_device *device)
{
    atomic_fetch_add(&device->n_refs, 1);
}

void gyre_device_release(struct gyre_device *device)
{
    if (atomic_fetch_sub(&device->n_refs, 1) != 1)
        return;
    device->backend->buffer_destroy(device->dummy);
    close_device(device);
}

void gyre_device_destroy(struct gyre_device **device)
{
    if (device == NULL || *device == NULL)
        return;
    gyre_device_release(*device);
    *device = NULL;
}

const struct gyre_device_info *gyre_device_get_info(const struct gyre_device *device)
{
    return device ? &device->info : NULL;
}
