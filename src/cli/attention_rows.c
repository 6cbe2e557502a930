// SPDX-License-Identifier: MIT
#include "attention_rows.h"

#include <math.h>
#include <stdlib.h>

#include "command.h"
#include "tensors.h"

enum { MAX_BLOCK = 4 << 20 }; // probabilities of a block

static void set_strides(struct gyre_tensor *tensor)
{
    if (tensor->stride[3] != 0)
        return;
    tensor->stride[3] = 1;
    for (int axis = 2; axis >= 0; axis--)
        tensor->stride[axis] = tensor->stride[axis + 1] * tensor->shape[axis + 1];
}

// Keeps a range of an axis; axes of length 1 serve every index.
static void take(struct gyre_tensor *tensor, int axis, uint64_t first, uint64_t n)
{
    if (tensor->shape[axis] <= 1)
        return;
    set_strides(tensor);
    tensor->offset += first * tensor->stride[axis] * gyre_dtype_size(tensor->dtype);
    tensor->shape[axis] = n;
}

// The attention of one batch element and query head alone, standing at `start`.
static struct gyre_attention_params one_head(const struct gyre_attention_params *params,
                                             uint32_t batch, uint32_t head, int32_t start)
{
    struct gyre_attention_params one = *params;
    uint64_t group = params->q.shape[2] / params->k.shape[2];
    struct gyre_tensor *inputs[] = {&one.q, &one.k, &one.v, &one.mask};
    for (int i = 0; i < 4; i++)
        take(inputs[i], 0, batch, 1);
    take(&one.q, 2, head, 1);
    take(&one.k, 2, head / group, 1);
    take(&one.v, 2, head / group, 1);
    take(&one.mask, 1, head, 1);
    one.out = one.lse = one.scores = (struct gyre_tensor){0};
    one.align = GYRE_ALIGN_START;
    one.q_start = start;
    return one;
}

static void take_queries(struct gyre_attention_params *one, uint64_t first, uint64_t n)
{
    take(&one->q, 1, first, n);
    take(&one->mask, 2, first, n);
    one->q_start += (int32_t)first;
}

// The scores at a stage: (queries, keys), malloc'ed.
static int compute(struct opened *opened, struct gyre_attention_params one,
                   enum gyre_scores_stage stage, float **values)
{
    const uint64_t shape[4] = {1, 1, one.q.shape[1], one.k.shape[1]};
    struct held scores;
    int code = held_create(opened, GYRE_F32, shape, 4, &scores);
    if (code != CODE_OK)
        return code;
    one.scores = scores.tensor;
    one.scores_stage = stage;
    enum gyre_status status = gyre_attention(opened->session.stream, &one);
    if (status == GYRE_OK) {
        *values = held_read(opened, &scores);
        code = *values != NULL ? CODE_OK : CODE_DEVICE;
    } else {
        code = complain_status(opened, "the scores of a head", status);
    }
    held_free(&scores);
    return code;
}

static int visit_block(struct opened *opened, const struct gyre_attention_params *one,
                       uint64_t first, row_block_fn *visit, void *user)
{
    const uint64_t n_queries = one->q.shape[1], n_keys = one->k.shape[1];
    float *probs = NULL, *masked = NULL;
    int code = compute(opened, *one, GYRE_SCORES_PROBS, &probs);
    if (code == CODE_OK)
        code = compute(opened, *one, GYRE_SCORES_MASKED, &masked);
    if (code == CODE_OK) {
        for (uint64_t i = 0; i < n_queries * n_keys; i++)
            probs[i] = masked[i] == -INFINITY ? -1 : probs[i];
        visit(user, &(struct row_block){first, n_queries, n_keys, probs});
    }
    free(probs);
    free(masked);
    return code;
}

int attention_start(const struct gyre_attention_params *params, int32_t *start)
{
    int64_t end = (int64_t)params->k.shape[1] - (int64_t)params->q.shape[1];
    int64_t at = params->q_start + (params->align == GYRE_ALIGN_END ? end : 0);
    *start = (int32_t)at;
    if (at < INT32_MIN || at > INT32_MAX)
        return complain(CODE_USAGE, "query 0 would stand at %lld", (long long)at);
    return CODE_OK;
}

int attention_rows_visit(struct opened *opened, const struct gyre_attention_params *params,
                         uint32_t batch, uint32_t head, row_block_fn *visit, void *user)
{
    uint64_t n_queries = params->q.shape[1], n_keys = params->k.shape[1];
    uint64_t most = n_keys < MAX_BLOCK ? MAX_BLOCK / n_keys : 1;
    int32_t start;
    int code = attention_start(params, &start);
    for (uint64_t first = 0; code == CODE_OK && first < n_queries; first += most) {
        uint64_t n = n_queries - first < most ? n_queries - first : most;
        struct gyre_attention_params one = one_head(params, batch, head, start);
        take_queries(&one, first, n);
        code = visit_block(opened, &one, first, visit, user);
    }
    return code;
}
