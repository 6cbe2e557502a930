// SPDX-License-Identifier: MIT
// The CPU as a device: its facts, opening and closing.
#define _GNU_SOURCE // sched_getaffinity
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "log.h"

// The number of the first CPU that shares a core with this one.
static int first_sibling(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             cpu);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return cpu;
    if (fscanf(file, "%d", &first) != 1)
        first = cpu;
    fclose(file);
    return first;
}

// Cores that this process may use; a core's second thread would only share its arithmetic units.
static uint32_t count_cores(void)
{
    cpu_set_t set;
    uint32_t n = 0;
    if (sched_getaffinity(0, sizeof(set), &set) != 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 ? (uint32_t)online : 1;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &set))
            continue;
        int first = first_sibling(cpu);
        n += first == cpu || !CPU_ISSET(first, &set);
    }
    return n > 0 ? n : 1;
}

static uint32_t count_threads(const struct gyre_device_params *params)
{
    return params != NULL && params->n_threads != 0 ? params->n_threads : count_cores();
}

// The value of the first line "key : value" of /proc/cpuinfo, if there is one.
static void read_cpuinfo(const char *key, char *value, size_t size)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, key, strlen(key)) != 0)
            continue;
        colon += 1 + strspn(colon + 1, " ");
        colon[strcspn(colon, "\n")] = '\0';
        snprintf(value, size, "%s", colon);
        break;
    }
    if (file != NULL)
        fclose(file);
}

static uint64_t memory_size(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

static enum gyre_status list(const struct gyre_device_params *params, struct gyre_found *found)
{
    const struct gyre_cpu_isa *isa = gyre_cpu_isa_choose(params != NULL ? &params->log : NULL);
    struct gyre_device_info info = {
        .id = "cpu",
        .name = "CPU",
        .backend = GYRE_BACKEND_CPU,
        .type = GYRE_DEVICE_CPU,
        .memory_size = memory_size(),
        .max_alloc_size = memory_size(),
        .max_binding_size = UINT64_MAX,
        .offset_align = 1,
        .n_units = count_threads(params),
        .max_group_size = 1,
        .max_group_count = {UINT32_MAX, UINT32_MAX, UINT32_MAX},
        .local_size = UINT32_MAX, // as much as there is memory
        .has_f16_storage = true,
        .has_bf16_dot = isa->has_bf16_dot != NULL && isa->has_bf16_dot(),
        .has_unified_memory = true,
        .is_local_mem_global = true,
    };
    read_cpuinfo("model name", info.name, sizeof(info.name));
    read_cpuinfo("vendor_id", info.vendor, sizeof(info.vendor));
    snprintf(info.driver, sizeof(info.driver), "%s", isa->name);
    return gyre_found_add(found, &info);
}

static void close_device(struct gyre_device *base)
{
    struct gyre_cpu_device *device = (struct gyre_cpu_device *)base;
    if (device->pool != NULL)
        pthreadpool_destroy(device->pool);
    pthread_mutex_destroy(&device->lock);
    free(device->shares);
    free(device->local);
    free(device);
}

static enum gyre_status open_device(const struct gyre_device_params *params,
                                    const struct gyre_device_info *info, struct gyre_cache *cache,
                                    struct gyre_device **out)
{
    struct gyre_cpu_device *device = calloc(1, sizeof(*device));
    if (device == NULL || pthread_mutex_init(&device->lock, NULL) != 0) {
        free(device);
        return gyre_fail(&params->log, GYRE_NO_MEMORY, "cpu: no memory for the device");
    }
    device->base.backend = &gyre_backend_cpu;
    device->base.log = params->log;
    device->base.info = *info;
    device->base.cache = cache;
    device->isa = gyre_cpu_isa_choose(&params->log);
    device->n_threads = count_threads(params);
    device->shares = gyre_cpu_alloc(device->n_threads * sizeof(*device->shares));
    if (device->n_threads > 1)
        device->pool = pthreadpool_create(device->n_threads);
    if (device->shares == NULL || (device->n_threads > 1 && device->pool == NULL)) {
        close_device(&device->base);
        return gyre_fail(&params->log, GYRE_NO_MEMORY, "cpu: no memory for %u threads",
                         (unsigned)device->n_threads);
    }
    *out = &device->base;
    return GYRE_OK;
}

const struct gyre_backend gyre_backend_cpu = {
    .kind = GYRE_BACKEND_CPU,
    .list = list,
    .open = open_device,
    .close = close_device,
    .buffer_create = gyre_cpu_buffer_create,
    .buffer_destroy = gyre_cpu_buffer_destroy,
    .buffer_write = gyre_cpu_buffer_write,
    .buffer_read = gyre_cpu_buffer_read,
    .stream_create = gyre_cpu_stream_create,
    .stream_destroy = gyre_cpu_stream_destroy,
    .stream_submit = gyre_cpu_stream_submit,
    .stream_finish = gyre_cpu_stream_finish,
    .stream_wait = gyre_cpu_stream_wait,
    .prepare = gyre_cpu_prepare,
    .dispatch = gyre_cpu_dispatch,
    .event_wait = gyre_cpu_event_wait,
    .event_device_time = gyre_cpu_event_device_time,
    .event_destroy = gyre_cpu_event_destroy,
};
