// SPDX-License-Identifier: MIT
// Results so large that the CPU writes them past its caches, which no row of the table reaches.
#include "cases/rope.h"
#include "on_devices.h"

// 26 MiB each
#define LARGE(tokens, of_pairing)                                                                  \
    {                                                                                              \
        .n_tokens = tokens, .n_heads = 32, .head_dim = 128, .pairing = of_pairing, .start = -7     \
    }

static const struct {
    const char *name;
    enum gyre_dtype dtype;
    struct rope_case row;
} rows[] = {
    {"half, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_HALF)},
    {"interleaved, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_INTERLEAVED)},
    {"half, f16", GYRE_F16, LARGE(3328, GYRE_ROPE_HALF)},
    {"interleaved, f16", GYRE_F16, LARGE(3328, GYRE_ROPE_INTERLEAVED)},
    {"half, bf16", GYRE_BF16, LARGE(3328, GYRE_ROPE_HALF)},
    {"interleaved, bf16", GYRE_BF16, LARGE(3328, GYRE_ROPE_INTERLEAVED)},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void check_rows(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (size_t i = 0; i < N_ROWS; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct rope_run *run = rope_prepare(session, &rows[i].row, rows[i].dtype, 1, &result);
        if (run != NULL)
            case_complete(session, &rope_operator, run, &result);
        report(session, rows[i].name, &result, tally);
    }
}

Test(rope_streamed, cpu)
{
    run_on_devices(GYRE_BACKEND_CPU, check_rows, NULL, N_ROWS);
}
