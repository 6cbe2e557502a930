// SPDX-License-Identifier: MIT
// ONNX's Attention (opsets 23 to 25) through gyre_attention.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/attention.h>

#include "data/onnx.h"

// Slots of the operator.
enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_NONPAD };
enum { OUT_Y, OUT_PRESENT_K, OUT_PRESENT_V, OUT_SCORES };

struct onnx_call {
    struct session *session;
    const struct case_file *file;
    bool is_head_major; // four axes (batch, head, token, dim); else (batch, token, head * dim)
    uint64_t n_batch, q_len, past_len, kv_len, n_heads, n_kv_heads, head_dim, v_dim;
    struct guarded q, k, v, mask, lens, out, scores;
};

// Sizes of a tensor of three or four axes.
static void read_sizes(const struct case_tensor *tensor, uint64_t n_heads_of_3, uint64_t *n_tokens,
                       uint64_t *n_heads, uint64_t *dim)
{
    const uint64_t *shape = tensor->array.shape;
    bool is_4d = tensor->array.rank == 4;
    *n_heads = is_4d ? shape[1] : n_heads_of_3;
    *n_tokens = is_4d ? shape[2] : shape[1];
    *dim = is_4d ? shape[3] : shape[2] / n_heads_of_3;
}

static void set_sizes(struct onnx_call *call)
{
    const struct case_file *file = call->file;
    uint64_t n_heads_of_3 = (uint64_t)case_file_attr(file, "q_num_heads", 1);
    uint64_t n_kv_heads_of_3 = (uint64_t)case_file_attr(file, "kv_num_heads", 1);
    uint64_t n_new;
    call->is_head_major = file->in[IN_Q].array.rank == 4;
    call->n_batch = file->in[IN_Q].array.shape[0];
    read_sizes(&file->in[IN_V], n_kv_heads_of_3, &n_new, &call->n_kv_heads, &call->v_dim);
    read_sizes(&file->in[IN_K], n_kv_heads_of_3, &n_new, &call->n_kv_heads, &call->head_dim);
    read_sizes(&file->in[IN_Q], n_heads_of_3, &call->q_len, &call->n_heads, &call->head_dim);
    call->past_len = file->in[IN_PAST_K].values != NULL ? file->in[IN_PAST_K].array.shape[2] : 0;
    call->kv_len = call->past_len + n_new;
}

// The cache (always head-major) followed by what is new: (batch, n_tokens, head, dim).
static double *concatenate(const struct onnx_call *call, const struct case_tensor *past,
                           const struct case_tensor *now, uint64_t n_heads, uint64_t dim,
                           uint64_t n_tokens)
{
    uint64_t past_len = past != NULL && past->values != NULL ? call->past_len : 0;
    double *all = malloc((call->n_batch * n_tokens * n_heads * dim + 1) * sizeof(*all));
    if (all == NULL)
        return NULL;
    if (past_len != 0)
        onnx_copy_tokens(past, true, call->n_batch, n_heads, dim, n_tokens, 0, all);
    onnx_copy_tokens(now, call->is_head_major, call->n_batch, n_heads, dim, n_tokens, past_len,
                     all);
    return all;
}

static enum gyre_status make_input(struct onnx_call *call, const char *name, int slot,
                                   const struct case_tensor *past, uint64_t n_tokens,
                                   uint64_t n_heads, uint64_t dim, struct guarded *guarded)
{
    const struct case_tensor *now = &call->file->in[slot];
    struct guarded_layout layout = {.dtype = onnx_dtype_of(now),
                                    .shape = {call->n_batch, n_tokens, n_heads, dim},
                                    .is_head_major = call->is_head_major};
    double *values = concatenate(call, past, now, n_heads, dim, n_tokens);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (values != NULL)
        status = guarded_create(call->session, name, &layout, values, guarded);
    free(values);
    return status;
}

// The mask has two to four axes, aligned at the right; keys beyond its last axis are hidden.
static enum gyre_status make_mask(struct onnx_call *call)
{
    const struct case_tensor *mask = &call->file->in[IN_MASK];
    struct guarded_layout layout = {.dtype = onnx_dtype_of(mask), .shape = {1, 1, 1, call->kv_len}};
    if (mask->values == NULL)
        return GYRE_OK;
    for (size_t i = 0; i + 1 < mask->array.rank; i++)
        layout.shape[4 - mask->array.rank + i] = mask->array.shape[i];
    uint64_t n_rows = layout.shape[0] * layout.shape[1] * layout.shape[2];
    uint64_t n_keys = mask->array.shape[mask->array.rank - 1];
    double *values = malloc((n_rows * call->kv_len + 1) * sizeof(*values));
    if (values == NULL)
        return GYRE_NO_MEMORY;
    for (uint64_t row = 0; row < n_rows; row++)
        for (uint64_t j = 0; j < call->kv_len; j++) {
            double hidden = layout.dtype == GYRE_U8 ? 0 : -INFINITY;
            values[row * call->kv_len + j] = j < n_keys ? mask->values[row * n_keys + j] : hidden;
        }
    enum gyre_status status = guarded_create(call->session, "mask", &layout, values, &call->mask);
    free(values);
    return status;
}

// How many keys each sequence has.
static enum gyre_status make_lens(struct onnx_call *call)
{
    const struct case_tensor *nonpad = &call->file->in[IN_NONPAD];
    struct guarded_layout layout = {.dtype = GYRE_I32, .shape = {1, 1, 1, call->n_batch}};
    if (nonpad->values == NULL)
        return GYRE_OK;
    return guarded_create(call->session, "nonpad_kv_seqlen", &layout, nonpad->values, &call->lens);
}

static enum gyre_status make_outputs(struct onnx_call *call)
{
    struct guarded_layout out = {.dtype = onnx_dtype_of(&call->file->in[IN_Q]),
                                 .use = GUARDED_OUTPUT,
                                 .shape = {call->n_batch, call->q_len, call->n_heads, call->v_dim},
                                 .is_head_major = call->is_head_major};
    struct guarded_layout scores = {
        .dtype = out.dtype,
        .use = GUARDED_OUTPUT,
        .shape = {call->n_batch, call->n_heads, call->q_len, call->kv_len}};
    enum gyre_status status = guarded_create(call->session, "Y", &out, NULL, &call->out);
    if (status == GYRE_OK && call->file->out[OUT_SCORES].values != NULL)
        status = guarded_create(call->session, "scores", &scores, NULL, &call->scores);
    return status;
}

static enum gyre_status make_all(struct onnx_call *call)
{
    const struct case_tensor *in = call->file->in;
    set_sizes(call);
    enum gyre_status status =
        make_input(call, "Q", IN_Q, NULL, call->q_len, call->n_heads, call->head_dim, &call->q);
    if (status == GYRE_OK)
        status = make_input(call, "K", IN_K, &in[IN_PAST_K], call->kv_len, call->n_kv_heads,
                            call->head_dim, &call->k);
    if (status == GYRE_OK)
        status = make_input(call, "V", IN_V, &in[IN_PAST_V], call->kv_len, call->n_kv_heads,
                            call->v_dim, &call->v);
    if (status == GYRE_OK)
        status = make_mask(call);
    if (status == GYRE_OK)
        status = make_lens(call);
    return status == GYRE_OK ? make_outputs(call) : status;
}

// Where sequences say their lengths, the last query of each stands at its last key.
static struct gyre_attention_params params_of(const struct onnx_call *call)
{
    const struct case_file *file = call->file;
    return (struct gyre_attention_params){
        .q = call->q.tensor,
        .k = call->k.tensor,
        .v = call->v.tensor,
        .mask = call->mask.tensor,
        .out = call->out.tensor,
        .scores = call->scores.tensor,
        .scores_stage = (enum gyre_scores_stage)case_file_attr(file, "qk_matmul_output_mode", 0),
        .scale = (float)case_file_attr(file, "scale", 0),
        .softcap = (float)case_file_attr(file, "softcap", 0),
        .is_causal = case_file_attr(file, "is_causal", 0) != 0,
        .align = file->in[IN_NONPAD].values != NULL ? GYRE_ALIGN_END : GYRE_ALIGN_START,
        .q_start = (int32_t)call->past_len,
        .kv_lens = call->lens.tensor,
    };
}

static void run(struct onnx_call *call, struct result *result)
{
    struct gyre_attention_params params = params_of(call);
    enum gyre_status status = gyre_attention(call->session->stream, &params);
    if (status == GYRE_OK)
        status = gyre_stream_finish(call->session->stream);
    if (status != GYRE_OK)
        result_fail_status(result, "gyre_attention", status, call->session->log.text);
}

// The present outputs are our own concatenation: this checks that we read the layout right.
static void check_present(const struct onnx_call *call, int slot, const struct guarded *all,
                          struct result *result)
{
    const struct case_tensor *present = &call->file->out[slot];
    const uint64_t *shape = all->layout.shape;
    if (present->values == NULL)
        return;
    double *want = malloc((present->array.n_items + 1) * sizeof(*want));
    if (want == NULL)
        return;
    onnx_copy_tokens(present, true, shape[0], shape[2], shape[3], shape[1], 0, want);
    if (memcmp(want, all->values, present->array.n_items * sizeof(*want)) != 0)
        result_fail(result, "%s with its cache differs from present", all->name);
    free(want);
}

static void check(struct onnx_call *call, struct bounds bounds, struct result *result)
{
    const struct case_tensor *out = call->file->out;
    struct guarded *all[] = {&call->q,    &call->k,   &call->v,     &call->mask,
                             &call->lens, &call->out, &call->scores};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i]->image != NULL)
            guarded_read(call->session, all[i], result);
    double *want = concatenate(call, NULL, &out[OUT_Y], call->n_heads, call->v_dim, call->q_len);
    if (want != NULL)
        onnx_compare(&call->out, want, bounds, result);
    free(want);
    if (out[OUT_SCORES].values != NULL)
        onnx_compare(&call->scores, out[OUT_SCORES].values, bounds, result);
    check_present(call, OUT_PRESENT_K, &call->k, result);
    check_present(call, OUT_PRESENT_V, &call->v, result);
}

static const char *unsupported(const struct case_file *file)
{
    static const char *const known[] = {
        "is_causal", "kv_num_heads", "q_num_heads",       "qk_matmul_output_mode",
        "scale",     "softcap",      "softmax_precision", NULL};
    return case_file_unknown_attr(file, known);
}

static void run_case(struct session *session, const struct case_file *file, struct bounds bounds,
                     struct result *result)
{
    struct onnx_call call = {.session = session, .file = file};
    enum gyre_status status = make_all(&call);
    if (status != GYRE_OK)
        result_fail_status(result, "preparing", status, session->log.text);
    else
        run(&call, result);
    if (result->outcome == OUTCOME_PASS)
        check(&call, bounds, result);
    struct guarded *all[] = {&call.q,    &call.k,   &call.v,     &call.mask,
                             &call.lens, &call.out, &call.scores};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        guarded_destroy(all[i]);
}

const struct onnx_operator onnx_attention = {"Attention", unsupported, run_case};
