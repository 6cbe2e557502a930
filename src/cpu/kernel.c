// SPDX-License-Identifier: MIT
// Finding and running kernels.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cpu.h"
#include "kernels/common.h"
#include "log.h"

_Static_assert((int)GYRE_CPU_MAX_BUFS == (int)GYRE_MAX_BUFS,
               "kernels/common.h and backend.h disagree");

extern const struct gyre_cpu_kernel *const gyre_cpu_kernels_baseline[];

static bool has_baseline(void)
{
    return true;
}

#if defined(__x86_64__)
extern const struct gyre_cpu_kernel *const gyre_cpu_kernels_avx2[];
extern const struct gyre_cpu_kernel *const gyre_cpu_kernels_avx512[];

// Compilers do not all know F16C by name; every CPU with AVX2 has it.
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool has_avx512_bf16(void)
{
    return __builtin_cpu_supports("avx512bf16");
}
#endif

// Best first.
static const struct gyre_cpu_isa isas[] = {
#if defined(__x86_64__)
    {"avx512", has_avx512, gyre_cpu_kernels_avx512, has_avx512_bf16},
    {"avx2", has_avx2, gyre_cpu_kernels_avx2, NULL},
#endif
    {"baseline", has_baseline, gyre_cpu_kernels_baseline, NULL},
};

enum { N_ISAS = sizeof(isas) / sizeof(*isas) };

const struct gyre_cpu_isa *gyre_cpu_isa_choose(const struct gyre_log *log)
{
    const char *wanted = getenv("GYRE_CPU_ISA");
    const struct gyre_cpu_isa *best = NULL;
    for (size_t i = 0; i < N_ISAS; i++) {
        if (!isas[i].is_present())
            continue;
        if (wanted != NULL && strcmp(wanted, isas[i].name) == 0)
            return &isas[i];
        best = best != NULL ? best : &isas[i];
    }
    if (wanted != NULL && wanted[0] != '\0')
        gyre_log_write(log, GYRE_LOG_WARNING, "cpu: GYRE_CPU_ISA is \"%s\", which is not here: %s",
                       wanted, best->name);
    return best;
}

static const struct gyre_cpu_kernel *find(const struct gyre_cpu_device *device, const char *name)
{
    for (const struct gyre_cpu_kernel *const *k = device->isa->kernels; *k != NULL; k++)
        if (strcmp((*k)->name, name) == 0)
            return *k;
    return NULL;
}

enum gyre_status gyre_cpu_prepare(struct gyre_device *device, const struct gyre_variant *variant)
{
    if (find((struct gyre_cpu_device *)device, variant->kernel->name) == NULL)
        return gyre_fail(&device->log, GYRE_UNSUPPORTED, "cpu: no kernel \"%s\"",
                         variant->kernel->name);
    return GYRE_OK;
}

// The groups of a dispatch, and who takes them.
struct job {
    const struct gyre_cpu_kernel *kernel;
    const struct gyre_cpu_task *task;
    struct gyre_cpu_device *device;
    uint32_t n_workers;
};

static void run_group(const struct job *job, uint64_t i, void *local)
{
    const uint32_t *groups = job->task->groups;
    const uint32_t group[3] = {
        (uint32_t)(i % groups[0]),
        (uint32_t)(i / groups[0] % groups[1]),
        (uint32_t)(i / groups[0] / groups[1]),
    };
    job->kernel->run(job->task, group, local);
}

// Neighbouring groups read the same memory, so every worker has a share of its own; with that done
// it helps the others. `worker` is different for each caller.
static void work(void *context, size_t worker)
{
    struct job *job = context;
    void *local = job->device->local + worker * job->device->local_size;
    for (uint32_t i = 0; i < job->n_workers; i++) {
        struct gyre_cpu_share *share = &job->device->shares[(worker + i) % job->n_workers];
        for (;;) {
            uint64_t next = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
            if (next >= share->end)
                break;
            run_group(job, next, local);
        }
    }
}

static void deal_shares(const struct job *job)
{
    const uint32_t *groups = job->task->groups;
    uint64_t n_groups = (uint64_t)groups[0] * groups[1] * groups[2];
    uint64_t least = n_groups / job->n_workers, rest = n_groups % job->n_workers, next = 0;
    for (uint32_t i = 0; i < job->n_workers; i++) {
        struct gyre_cpu_share *share = &job->device->shares[i];
        atomic_store_explicit(&share->next, next, memory_order_relaxed);
        next += least + (i < rest);
        share->end = next;
    }
}

// Makes every thread's local memory at least `size` bytes.
static enum gyre_status reserve_local(struct gyre_cpu_device *device, size_t size)
{
    enum { PAGE = 4096 }; // threads do not share lines, nor what a prefetcher takes for one stream
    size_t padded = (size + PAGE - 1) / PAGE * PAGE;
    if (size <= device->local_size)
        return GYRE_OK;
    free(device->local);
    device->local_size = 0;
    device->local = gyre_cpu_alloc((uint64_t)padded * device->n_threads);
    if (device->local == NULL)
        return gyre_fail(&device->base.log, GYRE_NO_MEMORY,
                         "cpu: no memory for %zu bytes of local memory per thread", padded);
    device->local_size = padded;
    return GYRE_OK;
}

static enum gyre_status run(struct gyre_cpu_device *device, const struct gyre_cpu_kernel *kernel,
                            const struct gyre_cpu_task *task)
{
    size_t local_size = kernel->local_size != NULL ? kernel->local_size(task) : 0;
    bool is_alone = task->groups[0] == 1 && task->groups[1] == 1 && task->groups[2] == 1;
    struct job job = {
        .kernel = kernel,
        .task = task,
        .device = device,
        .n_workers = is_alone ? 1 : device->n_threads,
    };
    pthread_mutex_lock(&device->lock);
    enum gyre_status status = reserve_local(device, local_size);
    if (status == GYRE_OK) {
        deal_shares(&job);
        if (job.n_workers > 1)
            pthreadpool_parallelize_1d(device->pool, work, &job, job.n_workers, 0);
        else
            work(&job, 0);
    }
    pthread_mutex_unlock(&device->lock);
    return status;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum gyre_status gyre_cpu_dispatch(struct gyre_stream *stream, const struct gyre_dispatch *dispatch)
{
    struct gyre_cpu_device *device = (struct gyre_cpu_device *)stream->device;
    const struct gyre_kernel *kernel = dispatch->variant.kernel;
    struct gyre_cpu_task task = {
        .args = dispatch->args,
        .defs = dispatch->variant.defs,
        .consts = dispatch->variant.consts,
    };
    uint64_t start = now_ns();
    enum gyre_status status = gyre_cpu_prepare(&device->base, &dispatch->variant);
    if (status != GYRE_OK)
        return status;
    for (uint32_t i = 0; i < kernel->n_bufs; i++)
        task.bufs[i] =
            ((struct gyre_cpu_buffer *)dispatch->bufs[i].buffer)->data + dispatch->bufs[i].offset;
    memcpy(task.groups, dispatch->groups, sizeof(task.groups));
    status = run(device, find(device, kernel->name), &task);
    ((struct gyre_cpu_stream *)stream)->busy_ns += now_ns() - start;
    return status;
}
