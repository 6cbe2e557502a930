// SPDX-License-Identifier: MIT
// ONNX's RotaryEmbedding (opset 23) through gyre_rope: the caller's cosines and sines.
#include <stdlib.h>

#include <gyre/rope.h>

#include "data/onnx.h"

// Slots of the operator.
enum { IN_X, IN_COS, IN_SIN, IN_POSITIONS };
enum { OUT_Y };

struct rotary_call {
    struct session *session;
    const struct case_file *file;
    bool is_head_major; // four axes (batch, head, token, dim); else (batch, token, head * dim)
    uint64_t n_batch, n_tokens, n_heads, head_dim;
    struct guarded x, y, cos, sin, positions;
    struct gyre_rope_table *table;
};

static void set_sizes(struct rotary_call *call)
{
    const uint64_t *shape = call->file->in[IN_X].array.shape;
    call->is_head_major = call->file->in[IN_X].array.rank == 4;
    call->n_batch = shape[0];
    call->n_heads = shape[1];
    call->n_tokens = shape[2];
    call->head_dim = shape[3];
    if (!call->is_head_major) {
        call->n_heads = (uint64_t)case_file_attr(call->file, "num_heads", 1);
        call->n_tokens = shape[1];
        call->head_dim = shape[2] / call->n_heads;
    }
}

// A tensor of the file in gyre's order: (batch, token, head, dim). The caller frees it.
static double *in_order(const struct rotary_call *call, const struct case_tensor *tensor)
{
    double *values = malloc((tensor->array.n_items + 1) * sizeof(*values));
    if (values != NULL)
        onnx_copy_tokens(tensor, call->is_head_major, call->n_batch, call->n_heads, call->head_dim,
                         call->n_tokens, 0, values);
    return values;
}

static enum gyre_status make_heads(struct rotary_call *call)
{
    const struct case_tensor *x = &call->file->in[IN_X];
    struct guarded_layout layout = {
        .dtype = onnx_dtype_of(x),
        .shape = {call->n_batch, call->n_tokens, call->n_heads, call->head_dim},
        .is_head_major = call->is_head_major,
    };
    double *values = in_order(call, x);
    enum gyre_status status = GYRE_NO_MEMORY;
    if (values != NULL)
        status = guarded_create(call->session, "X", &layout, values, &call->x);
    free(values);
    layout.use = GUARDED_OUTPUT;
    if (status == GYRE_OK)
        status = guarded_create(call->session, "Y", &layout, NULL, &call->y);
    return status;
}

// (position, pair), or (batch, token, pair) where there are no positions.
static enum gyre_status make_cached(struct rotary_call *call, const char *name, int slot,
                                    struct guarded *guarded)
{
    const struct case_tensor *tensor = &call->file->in[slot];
    const uint64_t *shape = tensor->array.shape;
    struct guarded_layout layout = {.dtype = onnx_dtype_of(tensor),
                                    .shape = {1, 1, shape[0], shape[1]}};
    if (tensor->array.rank == 3)
        for (int axis = 0; axis < 3; axis++)
            layout.shape[1 + axis] = shape[axis];
    return guarded_create(call->session, name, &layout, tensor->values, guarded);
}

static enum gyre_status make_positions(struct rotary_call *call)
{
    const struct case_tensor *positions = &call->file->in[IN_POSITIONS];
    struct guarded_layout layout = {.dtype = GYRE_I64,
                                    .shape = {1, 1, call->n_batch, call->n_tokens}};
    if (positions->values == NULL)
        return GYRE_OK;
    return guarded_create(call->session, "position_ids", &layout, positions->values,
                          &call->positions);
}

static enum gyre_status make_table(struct rotary_call *call)
{
    const struct gyre_rope_config config = {
        .head_dim = (uint32_t)call->head_dim,
        .rotary_dim = (uint32_t)case_file_attr(call->file, "rotary_embedding_dim", 0),
        .pairing = case_file_attr(call->file, "interleaved", 0) != 0 ? GYRE_ROPE_INTERLEAVED
                                                                     : GYRE_ROPE_HALF,
    };
    return gyre_rope_table_create(call->session->device, &config, &call->table);
}

static enum gyre_status make_all(struct rotary_call *call)
{
    set_sizes(call);
    enum gyre_status status = make_heads(call);
    if (status == GYRE_OK)
        status = make_cached(call, "cos_cache", IN_COS, &call->cos);
    if (status == GYRE_OK)
        status = make_cached(call, "sin_cache", IN_SIN, &call->sin);
    if (status == GYRE_OK)
        status = make_positions(call);
    return status == GYRE_OK ? make_table(call) : status;
}

static enum gyre_status rotate(struct rotary_call *call)
{
    const struct gyre_rope_params params = {
        .table = call->table,
        .q = call->x.tensor,
        .q_out = call->y.tensor,
        .positions = call->positions.tensor,
        .cos = call->cos.tensor,
        .sin = call->sin.tensor,
    };
    enum gyre_status status = gyre_rope(call->session->stream, &params);
    return status == GYRE_OK ? gyre_stream_finish(call->session->stream) : status;
}

static void check(struct rotary_call *call, struct bounds bounds, struct result *result)
{
    struct guarded *all[] = {&call->x, &call->y, &call->cos, &call->sin, &call->positions};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i]->image != NULL)
            guarded_read(call->session, all[i], result);
    double *want = in_order(call, &call->file->out[OUT_Y]);
    if (want != NULL)
        onnx_compare(&call->y, want, bounds, result);
    else
        result_fail(result, "no memory");
    free(want);
}

static const char *unsupported(const struct case_file *file)
{
    static const char *const known[] = {"interleaved", "num_heads", "rotary_embedding_dim", NULL};
    return case_file_unknown_attr(file, known);
}

static void run_case(struct session *session, const struct case_file *file, struct bounds bounds,
                     struct result *result)
{
    struct rotary_call call = {.session = session, .file = file};
    enum gyre_status status = make_all(&call);
    if (status == GYRE_OK)
        status = rotate(&call);
    if (status == GYRE_OK)
        check(&call, bounds, result);
    else
        result_fail_status(result, "gyre_rope", status, session->log.text);
    struct guarded *all[] = {&call.x, &call.y, &call.cos, &call.sin, &call.positions};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        guarded_destroy(all[i]);
    gyre_rope_table_destroy(&call.table);
}

const struct onnx_operator onnx_rotary = {"RotaryEmbedding", unsupported, run_case};
