// SPDX-License-Identifier: MIT
#include "attention_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "heatmap.h"
#include "tensors.h"

static void set_strides(struct gyre_tensor *tensor)
{
    if (tensor->stride[3] != 0)
        return;
    tensor->stride[3] = 1;
    for (int axis = 2; axis >= 0; axis--)
        tensor->stride[axis] = tensor->stride[axis + 1] * tensor->shape[axis + 1];
}

// Keeps one index of an axis; axes of length 1 serve every index.
static void take(struct gyre_tensor *tensor, int axis, uint64_t index)
{
    if (tensor->shape[axis] <= 1)
        return;
    set_strides(tensor);
    tensor->offset += index * tensor->stride[axis] * gyre_dtype_size(tensor->dtype);
    tensor->shape[axis] = 1;
}

// The attention of one batch element and query head alone.
static struct gyre_attention_params narrow(const struct gyre_attention_params *params,
                                           const struct map_options *options)
{
    struct gyre_attention_params one = *params;
    uint64_t group = params->q.shape[2] / params->k.shape[2];
    struct gyre_tensor *inputs[] = {&one.q, &one.k, &one.v, &one.mask};
    for (int i = 0; i < 4; i++)
        take(inputs[i], 0, options->batch);
    take(&one.q, 2, options->head);
    take(&one.k, 2, options->head / group);
    take(&one.v, 2, options->head / group);
    take(&one.mask, 1, options->head);
    one.out = one.lse = one.scores = (struct gyre_tensor){0};
    return one;
}

static int draw(const float *values, const struct gyre_attention_params *one,
                const struct map_options *options)
{
    char title[64], subtitle[160];
    uint64_t n_queries = one->q.shape[1], n_keys = one->k.shape[1];
    snprintf(title, sizeof(title), "Attention of head %u", options->head);
    snprintf(subtitle, sizeof(subtitle), "%s%llu quer%s on %llu key%s; grey is hidden",
             one->is_causal ? "causal, " : "", (unsigned long long)n_queries,
             n_queries == 1 ? "y" : "ies", (unsigned long long)n_keys, n_keys == 1 ? "" : "s");
    struct heatmap map = {
        .values = values,
        .n_rows = (size_t)n_queries,
        .n_columns = (size_t)n_keys,
        .title = title,
        .subtitle = subtitle,
        .row_label = "query",
        .column_label = "key",
        .scale_label = "probability (root scale)",
    };
    if (heatmap_write(&map, options->path))
        return CODE_OK;
    return complain(CODE_DEVICE, "%s: the map cannot be written", options->path);
}

// The scores of one head at a stage: (q_len, kv_len), malloc'ed; NULL after a complaint.
static float *compute(struct opened *opened, struct gyre_attention_params one,
                      enum gyre_scores_stage stage)
{
    const uint64_t shape[4] = {1, 1, one.q.shape[1], one.k.shape[1]};
    struct held scores;
    float *values = NULL;
    if (held_create(opened, GYRE_F32, shape, 4, &scores) != CODE_OK)
        return NULL;
    one.scores = scores.tensor;
    one.scores_stage = stage;
    enum gyre_status status = gyre_attention(opened->session.stream, &one);
    if (status == GYRE_OK)
        values = held_read(opened, &scores);
    else
        complain_status(opened, "the map's scores", status);
    held_free(&scores);
    return values;
}

static int check(const struct gyre_attention_params *params, const struct map_options *options)
{
    uint64_t n_batch = params->q.shape[0], n_heads = params->q.shape[2];
    uint64_t n_kv_heads = params->k.shape[2];
    if (n_kv_heads == 0 || n_heads % n_kv_heads != 0)
        return complain(CODE_USAGE, "%llu KV heads do not divide %llu query heads",
                        (unsigned long long)n_kv_heads, (unsigned long long)n_heads);
    if (options->head >= n_heads || options->batch >= n_batch)
        return complain(CODE_USAGE, "the map wants head %u of batch %u; there are %llu and %llu",
                        options->head, options->batch, (unsigned long long)n_heads,
                        (unsigned long long)n_batch);
    return CODE_OK;
}

int attention_map_write(struct opened *opened, const struct gyre_attention_params *params,
                        const struct map_options *options)
{
    int code = check(params, options);
    if (code != CODE_OK)
        return code;
    struct gyre_attention_params one = narrow(params, options);
    size_t n = (size_t)(one.q.shape[1] * one.k.shape[1]);
    float *values = compute(opened, one, GYRE_SCORES_PROBS);
    float *masked = values != NULL ? compute(opened, one, GYRE_SCORES_MASKED) : NULL;
    for (size_t i = 0; masked != NULL && i < n; i++)
        values[i] = masked[i] == -INFINITY ? -1 : values[i];
    code = masked != NULL ? draw(values, &one, options) : CODE_DEVICE;
    free(values);
    free(masked);
    return code;
}
