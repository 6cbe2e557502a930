// SPDX-License-Identifier: MIT
#include "probe.h"

#include <stdlib.h>
#include <string.h>

#include <pthreadpool.h>

#include "memory.h"
#include "probe_isa.h"

// More pieces than threads, so that a thread that is held up does not hold up the run.
enum { PIECES_PER_THREAD = 4 };
static const double min_flops = 2e8; // of a run: enough to be timed

struct loops {
    void (*fma)(double n_flops, float *sink);
    void (*bf16_dot)(double n_flops, float *sink); // NULL: this CPU has none
    uint64_t (*read)(const void *src, size_t n);
    void (*scale)(void *data, size_t n);
};

struct probe {
    enum limit limit;
    pthreadpool_t pool;
    size_t n_pieces, piece_size; // bytes
    double piece_flops, work;
    size_t n_copies, next;
    struct loops loops;
    char *src, *dst; // (n_copies, n_pieces, piece_size)
    volatile float sink;
};

#define LOOPS_OF(isa) .fma = probe_fma_##isa, .read = probe_read_##isa, .scale = probe_scale_##isa

static struct loops best_loops(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return (struct loops){
            LOOPS_OF(avx512),
            .bf16_dot = __builtin_cpu_supports("avx512bf16") ? probe_bf16_dot : NULL,
        };
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct loops){LOOPS_OF(avx2)};
#endif
    return (struct loops){LOOPS_OF(baseline)};
}

// Memory of all copies, with its pages there. It is not zeros: equal pages could be shared.
static char *make_memory(size_t size)
{
    char *memory = memory_create(size);
    for (size_t i = 0; memory != NULL && i + sizeof(size_t) <= size; i += sizeof(size_t))
        memcpy(memory + i, &i, sizeof(i));
    return memory;
}

static bool is_copy(enum limit limit)
{
    return limit == LIMIT_COPY || limit == LIMIT_COLD_COPY;
}

static bool allocate(struct probe *probe, struct cost cost, size_t n_threads)
{
    bool is_moved = !limit_is_read(probe->limit);
    double size = is_moved ? cost.bytes / 2 : cost.bytes; // cost counts reading and writing
    size_t steps = (size_t)(size / (double)probe->n_pieces / PROBE_STEP);
    probe->pool = pthreadpool_create(n_threads);
    if (limit_is_flops(probe->limit)) {
        probe->work = cost.flops < min_flops ? min_flops : cost.flops;
        probe->piece_flops = probe->work / (double)probe->n_pieces;
        return probe->pool != NULL;
    }
    probe->piece_size = (steps > 0 ? steps : 1) * PROBE_STEP;
    size_t all = probe->n_copies * probe->n_pieces * probe->piece_size;
    probe->work = (double)(probe->n_pieces * probe->piece_size) * (is_moved ? 2 : 1);
    probe->src = make_memory(all);
    probe->dst = is_copy(probe->limit) ? make_memory(all) : NULL;
    return probe->pool != NULL && probe->src != NULL &&
           (!is_copy(probe->limit) || probe->dst != NULL);
}

struct probe *probe_create(enum limit limit, struct cost cost, size_t n_copies, size_t n_threads)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    if (probe == NULL)
        return NULL;
    probe->limit = limit;
    probe->loops = best_loops();
    probe->n_copies = n_copies;
    probe->n_pieces = n_threads * (n_threads > 1 ? PIECES_PER_THREAD : 1);
    bool is_there = limit != LIMIT_BF16_DOT || probe->loops.bf16_dot != NULL;
    if (!is_there || !allocate(probe, cost, n_threads))
        probe_destroy(&probe);
    return probe;
}

static void run_piece(void *user, size_t piece)
{
    struct probe *probe = user;
    size_t at = (probe->next * probe->n_pieces + piece) * probe->piece_size;
    float sink = 0;
    switch (probe->limit) {
    case LIMIT_COPY:
    case LIMIT_COLD_COPY:
        memcpy(probe->dst + at, probe->src + at, probe->piece_size);
        break;
    case LIMIT_SCALE:
    case LIMIT_COLD_SCALE:
        probe->loops.scale(probe->src + at, probe->piece_size);
        break;
    case LIMIT_READ:
    case LIMIT_COLD_READ:
        sink = (float)probe->loops.read(probe->src + at, probe->piece_size);
        break;
    case LIMIT_BF16_DOT:
        probe->loops.bf16_dot(probe->piece_flops, &sink);
        break;
    default:
        probe->loops.fma(probe->piece_flops, &sink);
    }
    probe->sink = sink;
}

void probe_run(struct probe *probe)
{
    pthreadpool_parallelize_1d(probe->pool, run_piece, probe, probe->n_pieces, 0);
    probe->next = (probe->next + 1) % probe->n_copies;
}

double probe_work(const struct probe *probe)
{
    return probe->work;
}

void probe_destroy(struct probe **probe)
{
    if (*probe == NULL)
        return;
    pthreadpool_destroy((*probe)->pool);
    free((*probe)->src);
    free((*probe)->dst);
    free(*probe);
    *probe = NULL;
}
