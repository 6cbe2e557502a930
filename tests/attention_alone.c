// SPDX-License-Identifier: MIT
#include "attention_alone.h"

#include <math.h>
#include <string.h>

#include "harness/compare.h"

// --- one sequence's part of the tensors

// Elements [first, first + n) along an axis.
static void cut(struct gyre_tensor *tensor, int axis, uint64_t first, uint64_t n)
{
    tensor->offset += first * tensor->stride[axis] * gyre_dtype_size(tensor->dtype);
    tensor->shape[axis] = n;
}

// A tensor of queries or keys, if there: what belongs to sequence b, on its axis of batches or,
// where they are packed, of tokens.
static void cut_sequence(struct gyre_tensor *tensor, bool is_packed, int batch_axis, int token_axis,
                         uint64_t b, struct oracle_span span)
{
    if (tensor->buffer == NULL)
        return;
    if (is_packed)
        cut(tensor, token_axis, span.first, span.n);
    else if (tensor->shape[batch_axis] > 1)
        cut(tensor, batch_axis, b, 1);
}

static void cut_queries(struct gyre_attention_params *one, bool is_packed, uint64_t b,
                        struct oracle_span span)
{
    cut_sequence(&one->q, is_packed, 0, 1, b, span);
    cut_sequence(&one->q2, is_packed, 0, 1, b, span);
    cut_sequence(&one->q_coords, is_packed, 2, 3, b, span);
    cut_sequence(&one->out, is_packed, 0, 1, b, span);
    cut_sequence(&one->lse, is_packed, 0, 2, b, span);
}

// And no more keys than the sequence has.
static void cut_keys(struct gyre_attention_params *one, bool is_packed, uint64_t b,
                     struct oracle_span span, uint64_t len)
{
    const struct {
        struct gyre_tensor *tensor;
        int batch_axis, token_axis;
    } all[] = {{&one->k, 0, 1},           {&one->v, 0, 1},        {&one->k2, 0, 1},
               {&one->k_positions, 2, 3}, {&one->k_coords, 2, 3}, {&one->key_sums, 0, 3}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        cut_sequence(all[i].tensor, is_packed, all[i].batch_axis, all[i].token_axis, b, span);
        if (all[i].tensor->buffer != NULL)
            all[i].tensor->shape[all[i].token_axis] = len;
    }
}

static void cut_mask(struct gyre_attention_params *one, uint64_t b, uint64_t q_len, uint64_t kv_len)
{
    struct gyre_tensor *mask = &one->mask;
    if (mask->buffer == NULL)
        return;
    if (mask->shape[0] > 1)
        cut(mask, 0, b, 1);
    if (mask->shape[2] > 1)
        mask->shape[2] = q_len;
    mask->shape[3] = one->is_mask_bits ? (kv_len + 7) / 8 : kv_len;
}

static uint64_t own_len(const struct attention_case *row, size_t b, uint64_t n)
{
    if (row->kv_lens == NULL)
        return n;
    uint64_t len = row->kv_lens[b] < 0 ? 0 : (uint64_t)row->kv_lens[b];
    return len < n ? len : n;
}

static struct gyre_attention_params params_alone(const struct attention_run *run, size_t b,
                                                 const struct alone *alone)
{
    const struct attention_case *row = &run->row;
    const struct oracle_span q = attention_queries_of(row, b), k = attention_keys_of(row, b);
    const uint64_t len = own_len(row, b, k.n);
    struct gyre_attention_params one = run->params;
    one.out = alone->out.tensor;
    one.lse = alone->lse.tensor;
    one.key_sums = alone->key_sums.tensor;
    cut_queries(&one, row->cu_q_lens != NULL, b, q);
    cut_keys(&one, row->cu_kv_lens != NULL, b, k, len);
    cut_mask(&one, b, q.n, len);
    one.q_start += row->q_starts != NULL ? row->q_starts[b] : 0;
    one.kv_lens = one.q_starts = one.cu_q_lens = one.cu_kv_lens = (struct gyre_tensor){0};
    one.max_q_len = one.max_kv_len = 0;
    return one;
}

// --- calls

// Cumulative lengths of a single sequence.
static enum gyre_status make_firsts(struct session *session, uint64_t n, struct guarded *list)
{
    const double values[] = {0, (double)n};
    const struct guarded_layout layout = {.dtype = GYRE_I32, .shape = {1, 1, 1, 2}};
    return guarded_create(session, "cu_lens", &layout, values, list);
}

static enum gyre_status attend_packed(struct attention_run *run, struct gyre_attention_params *one)
{
    struct guarded q_list = {0}, k_list = {0};
    enum gyre_status status = GYRE_OK;
    if (run->row.cu_q_lens != NULL)
        status = make_firsts(run->session, one->q.shape[1], &q_list);
    if (status == GYRE_OK && run->row.cu_kv_lens != NULL)
        status = make_firsts(run->session, one->k.shape[1], &k_list);
    one->cu_q_lens = q_list.tensor;
    one->cu_kv_lens = k_list.tensor;
    if (status == GYRE_OK)
        status = gyre_attention(run->session->stream, one);
    if (status == GYRE_OK)
        status = gyre_stream_finish(run->session->stream);
    guarded_destroy(&q_list);
    guarded_destroy(&k_list);
    return status;
}

static enum gyre_status make_like(struct session *session, const struct guarded *like,
                                  struct guarded *result)
{
    struct guarded_layout layout = like->layout;
    layout.use = GUARDED_OUTPUT;
    return like->image == NULL ? GYRE_OK
                               : guarded_create(session, like->name, &layout, NULL, result);
}

enum gyre_status attend_alone(struct attention_run *run, bool keeps_packing, struct alone *alone)
{
    enum gyre_status status = make_like(run->session, &run->out, &alone->out);
    if (status == GYRE_OK)
        status = make_like(run->session, &run->lse, &alone->lse);
    if (status == GYRE_OK)
        status = make_like(run->session, &run->key_sums, &alone->key_sums);
    for (size_t b = 0; b < run->row.n_batch && status == GYRE_OK; b++) {
        struct gyre_attention_params one = params_alone(run, b, alone);
        status =
            keeps_packing ? attend_packed(run, &one) : gyre_attention(run->session->stream, &one);
    }
    return status == GYRE_OK ? gyre_stream_finish(run->session->stream) : status;
}

void alone_destroy(struct alone *alone)
{
    guarded_destroy(&alone->out);
    guarded_destroy(&alone->lse);
    guarded_destroy(&alone->key_sums);
}

// --- comparison

static void compare(struct attention_run *run, bool is_exact, struct guarded *together,
                    struct guarded *alone, struct result *result)
{
    if (together->image == NULL)
        return;
    guarded_read(run->session, together, result);
    guarded_read(run->session, alone, result);
    size_t n = guarded_count(alone);
    struct comparison comparison = {
        .name = alone->name, .got = together->values, .want = alone->values};
    memcpy(comparison.shape, alone->layout.shape, sizeof(comparison.shape));
    compare_whole(&comparison, bounds_of_sums(alone->layout.dtype),
                  fmax(1, compare_scale(alone->values, n)), result);
    if (is_exact && memcmp(together->values, alone->values, n * sizeof(double)) != 0)
        result_fail(result, "%s differs in its last places", alone->name);
}

void compare_with_alone(struct attention_run *run, bool keeps_packing, bool is_exact,
                        struct result *result)
{
    struct alone alone = {0};
    enum gyre_status status = attention_run_enqueue(run);
    if (status == GYRE_OK)
        status = attend_alone(run, keeps_packing, &alone);
    if (status == GYRE_OK) {
        compare(run, is_exact, &run->out, &alone.out, result);
        compare(run, is_exact, &run->lse, &alone.lse, result);
        compare(run, is_exact, &run->key_sums, &alone.key_sums, result);
    } else {
        result_fail_status(result, "gyre_attention", status, run->session->log.text);
    }
    alone_destroy(&alone);
}
