// SPDX-License-Identifier: MIT
// Results so large that the CPU writes them past its caches, which no row of the table reaches.
#include "cases/rope.h"
#include "on_devices.h"

// 26 MiB each
#define LARGE(tokens, of_pairing, ...)                                                             \
    {                                                                                              \
        .n_tokens = tokens, .n_heads = 32, .head_dim = 128, .pairing = of_pairing, .start = -7,    \
        __VA_ARGS__                                                                                \
    }

static const struct {
    const char *name;
    enum gyre_dtype dtype;
    struct rope_case row;
} rows[] = {
    {"half, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_HALF, .n_batch = 1)},
    {"interleaved, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_INTERLEAVED, .n_batch = 1)},
    {"half, f16", GYRE_F16, LARGE(3328, GYRE_ROPE_HALF, .n_batch = 1)},
    {"interleaved, f16", GYRE_F16, LARGE(3328, GYRE_ROPE_INTERLEAVED, .n_batch = 1)},
    {"half, bf16", GYRE_BF16, LARGE(3328, GYRE_ROPE_HALF, .n_batch = 1)},
    {"interleaved, bf16", GYRE_BF16, LARGE(3328, GYRE_ROPE_INTERLEAVED, .n_batch = 1)},
    // Beside elements that pass through, and rows that are not aligned, so that nothing streams.
    {"window, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_HALF, .rotary_dim = 64, .rotary_offset = 64)},
    {"in place, f16", GYRE_F16, LARGE(3328, GYRE_ROPE_INTERLEAVED, .is_in_place = true)},
    {"unaligned, f32", GYRE_F32, LARGE(1664, GYRE_ROPE_INTERLEAVED, .is_unaligned = true)},
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
