// SPDX-License-Identifier: MIT
// Kernel `linear_prefix` (args/linear_attention.h) on the CPU: entry s becomes past + the sum of
// the entries before s, and the last one past + all. Not causal, entry 0 becomes past + all.
//
// groups: (shares of the rows of S and z, kv heads, batch).
#include <stdbool.h>
#include <string.h>

#include "common.h"
#include "linear_sums.h"

enum { BUF_STATE, BUF_NORM, BUF_PAST_STATE, BUF_PAST_NORM, BUF_TOTAL_STATE, BUF_TOTAL_NORM };

static size_t local_size(const struct gyre_cpu_task *task)
{
    const struct gyre_linear_attention_args *args = task->args;
    return (args->v_dim + 1) * sizeof(float);
}

// The sums of one kv head.
struct heads {
    const struct gyre_linear_attention_args *args;
    struct linear_sums sums, past, total;
};

// A row of S, or an element of z.
struct part {
    float *(*place)(const struct linear_sums *sums, u32 entry, size_t d);
    size_t d, n;
};

// Moves the running sum past an entry, which may become what it was before.
static void pass_entry(bool is_kept, float *entry, float *running, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float before = running[i];
        running[i] += entry[i];
        entry[i] = is_kept ? before : entry[i];
    }
}

static void sum_part(const struct heads *heads, const struct part *part, float *running)
{
    const struct gyre_linear_attention_args *args = heads->args;
    const bool is_causal = args->is_causal != 0;
    const size_t size = part->n * sizeof(float);
    memset(running, 0, size);
    if (args->has_past != 0)
        memcpy(running, part->place(&heads->past, 0, part->d), size);
    for (u32 s = 0; s < args->n_segments; s++)
        pass_entry(is_causal, part->place(&heads->sums, s, part->d), running, part->n);
    memcpy(part->place(&heads->sums, is_causal ? args->n_segments : 0, part->d), running, size);
    if (args->has_total != 0)
        memcpy(part->place(&heads->total, 0, part->d), running, size);
}

static void run(const struct gyre_cpu_task *task, const uint32_t index[3], void *local)
{
    const struct gyre_linear_attention_args *args = task->args;
    const u32 head = index[1], batch = index[2];
    const struct heads heads = {
        args,
        {&args->sums, task->bufs[BUF_STATE], task->bufs[BUF_NORM], batch, head},
        {&args->past, task->bufs[BUF_PAST_STATE], task->bufs[BUF_PAST_NORM], batch, head},
        {&args->total, task->bufs[BUF_TOTAL_STATE], task->bufs[BUF_TOTAL_NORM], batch, head},
    };
    const size_t n = args->head_dim, end = n * (index[0] + 1) / task->groups[0];
    for (size_t d = n * index[0] / task->groups[0]; d < end; d++) {
        sum_part(&heads, &(struct part){state_row, d, args->v_dim}, local);
        sum_part(&heads, &(struct part){norm_at, d, 1}, local);
    }
}

const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_prefix) = {
    .name = "linear_prefix",
    .local_size = local_size,
    .run = run,
};
