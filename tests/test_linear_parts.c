// SPDX-License-Identifier: MIT
// A sequence that comes in parts, down to token by token, with the sums passed on from call to
// call, is held to what it is held to at once.
#include <criterion/criterion.h>

#include "cases/linear_run.h"
#include "on_devices.h"

#define SEQUENCE                                                                                   \
    .n_batch = 2, .n_heads = 4, .n_kv_heads = 2, .head_dim = 32, .v_dim = 24, .has_rope = true,    \
    .is_causal = true, .has_state = true

enum { MAX_PARTS = 4 };

static const struct parts_case {
    struct linear_case row;
    uint32_t parts[MAX_PARTS]; // tokens of the calls, over and over; ended by 0
    bool is_swapped;           // sums go from one buffer to another and back, in an odd number of
                               // calls; else they stay in place
} parts_cases[] = {
    {{"tokens", SEQUENCE, .q_len = 65, .kv_len = 65}, {1}, false},
    {{"tokens_late", SEQUENCE, .q_len = 33, .kv_len = 33, .q_start = 4095, .k_start = 4095},
     {1},
     false},
    {{"tokens_after", SEQUENCE, .q_len = 17, .kv_len = 17, .has_past = true}, {1}, false},
    {{"prompt_and_tokens", SEQUENCE, .q_len = 140, .kv_len = 140}, {133, 1}, false},
    {{"threes", SEQUENCE, .q_len = 50, .kv_len = 50, .pairing = GYRE_ROPE_INTERLEAVED}, {3}, false},
    {{"uneven", SEQUENCE, .q_len = 300, .kv_len = 300, .amplitude = 1.25}, {64, 1, 97}, false},
    {{"swapped", SEQUENCE, .q_len = 70, .kv_len = 70}, {31, 1, 2}, true},
};
enum { N_CASES = sizeof(parts_cases) / sizeof(parts_cases[0]) };

// Tokens [first, first + n) of a tensor.
static struct gyre_tensor tokens_of(struct gyre_tensor tensor, uint32_t first, uint32_t n)
{
    tensor.offset += first * tensor.stride[1] * gyre_dtype_size(tensor.dtype);
    tensor.shape[1] = n;
    return tensor;
}

static enum gyre_status run_part(struct linear_run *run, uint32_t first, uint32_t n,
                                 const struct gyre_linear_attention_params *sums)
{
    struct gyre_linear_attention_params part = *sums;
    part.q = tokens_of(part.q, first, n);
    part.k = tokens_of(part.k, first, n);
    part.v = tokens_of(part.v, first, n);
    part.out = tokens_of(part.out, first, n);
    part.q_start += (int32_t)first;
    part.k_start += (int32_t)first;
    return gyre_linear_attention(run->session->stream, &part);
}

// `spare`: other sums, for those that are swapped.
static enum gyre_status run_parts(struct linear_run *run, const struct parts_case *c,
                                  const struct gyre_tensor spare[2])
{
    struct gyre_linear_attention_params params = *linear_run_params(run);
    struct gyre_tensor next[] = {c->is_swapped ? spare[0] : params.state,
                                 c->is_swapped ? spare[1] : params.norm};
    enum gyre_status status = GYRE_OK;
    for (uint32_t first = 0, i = 0; first < run->row.q_len && status == GYRE_OK; i++) {
        i = i < MAX_PARTS && c->parts[i] != 0 ? i : 0;
        uint32_t left = run->row.q_len - first, n = c->parts[i] < left ? c->parts[i] : left;
        status = run_part(run, first, n, &params);
        params.past_state = params.state;
        params.past_norm = params.norm;
        params.state = next[0];
        params.norm = next[1];
        next[0] = c->is_swapped ? params.past_state : next[0];
        next[1] = c->is_swapped ? params.past_norm : next[1];
        first += n;
    }
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

static void check_parts(struct linear_run *run, const struct parts_case *c, struct result *result)
{
    struct guarded spare[2] = {{0}, {0}};
    enum gyre_status status =
        guarded_create(run->session, "state", &run->state.layout, NULL, &spare[0]);
    if (status == GYRE_OK)
        status = guarded_create(run->session, "norm", &run->norm.layout, NULL, &spare[1]);
    if (status == GYRE_OK)
        status = run_parts(run, c, (struct gyre_tensor[]){spare[0].tensor, spare[1].tensor});
    if (status == GYRE_OK)
        linear_run_check(run, result);
    else
        result_fail_status(result, "gyre_linear_attention", status, run->session->log.text);
    guarded_destroy(&spare[0]);
    guarded_destroy(&spare[1]);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    static const unsigned dtypes[] = {CASE_F32, CASE_F16};
    (void)context;
    for (size_t i = 0; i < N_CASES * 2; i++) {
        const struct parts_case *c = &parts_cases[i / 2];
        struct result result = {.outcome = OUTCOME_PASS};
        struct linear_run *run =
            linear_prepare(session, &c->row, case_dtypes_of(dtypes[i % 2]), 1, &result);
        if (run != NULL)
            check_parts(run, c, &result);
        linear_run_destroy(run);
        report(session, c->row.name, &result, tally);
    }
}

static void run(enum gyre_backend_kind backend)
{
    run_on_devices(backend, run_all, NULL, N_CASES);
}

TEST_EACH_BACKEND(linear_parts, run)
