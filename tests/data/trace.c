// SPDX-License-Identifier: MIT
// A forward pass of a llama2.c model, recorded in float64 and stored as f32: per layer q and k
// before and after RoPE, v and the attention's output, each (token, head, head_dim).
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/attention.h>
#include <gyre/rope.h>

#include "cases/rope.h"
#include "data/data.h"
#include "harness/guarded.h"
#include "harness/npy.h"

// llama2.c's RoPE: adjacent pairs, base 10000.
static const double theta = 10000;

enum { Q_PRE, Q_ROPE, K_PRE, K_ROPE, V, OUT, N_TENSORS };

struct trace {
    struct session *session;
    bool is_fused; // attention rotates q and k itself
    struct npy files[N_TENSORS];
    double *values[N_TENSORS];
    struct guarded inputs[N_TENSORS], outputs[N_TENSORS]; // by what they hold
    struct gyre_rope_table *table;
};

static bool read_layer(const char *folder, int layer, struct trace *trace, struct result *result)
{
    static const char *const names[N_TENSORS] = {"q_pre",  "q_rope", "k_pre",
                                                 "k_rope", "v",      "attn_out"};
    for (int i = 0; i < N_TENSORS; i++) {
        char path[1024], error[NPY_ERROR_SIZE];
        snprintf(path, sizeof(path), "%s/l%d_%s.npy", folder, layer, names[i]);
        if (!npy_read(path, &trace->files[i], error)) {
            result_fail(result, "%s", error);
            return false;
        }
        trace->values[i] = npy_to_doubles(&trace->files[i]);
        if (trace->files[i].rank != 3 || trace->values[i] == NULL) {
            result_fail(result, "%s is not (token, head, head_dim)", path);
            return false;
        }
    }
    return true;
}

static struct guarded_layout layout_of(const struct npy *file, enum guarded_use use)
{
    return (struct guarded_layout){.use = use,
                                   .shape = {1, file->shape[0], file->shape[1], file->shape[2]}};
}

static enum gyre_status make_tensors(struct trace *trace)
{
    enum gyre_status status = GYRE_OK;
    for (int i = 0; i < N_TENSORS && status == GYRE_OK; i++) {
        struct guarded_layout input = layout_of(&trace->files[i], GUARDED_INPUT);
        struct guarded_layout output = layout_of(&trace->files[i], GUARDED_OUTPUT);
        bool is_result = i == OUT || (!trace->is_fused && (i == Q_ROPE || i == K_ROPE));
        if (i != OUT)
            status = guarded_create(trace->session, "input", &input, trace->values[i],
                                    &trace->inputs[i]);
        if (status == GYRE_OK && is_result)
            status = guarded_create(trace->session, i == OUT ? "attention" : "rope", &output, NULL,
                                    &trace->outputs[i]);
    }
    return status;
}

static enum gyre_status make_table(struct trace *trace)
{
    const struct gyre_rope_config config = {.head_dim = (uint32_t)trace->files[Q_PRE].shape[2],
                                            .pairing = GYRE_ROPE_INTERLEAVED,
                                            .theta = theta};
    return gyre_rope_table_create(trace->session->device, &config, &trace->table);
}

static enum gyre_status rotate(struct trace *trace)
{
    const struct gyre_rope_params rope = {
        .table = trace->table,
        .q = trace->inputs[Q_PRE].tensor,
        .k = trace->inputs[K_PRE].tensor,
        .q_out = trace->outputs[Q_ROPE].tensor,
        .k_out = trace->outputs[K_ROPE].tensor,
    };
    return gyre_rope(trace->session->stream, &rope);
}

static enum gyre_status attend(struct trace *trace)
{
    const bool is_fused = trace->is_fused;
    const struct gyre_attention_params attention = {
        .q = trace->inputs[is_fused ? Q_PRE : Q_ROPE].tensor,
        .k = trace->inputs[is_fused ? K_PRE : K_ROPE].tensor,
        .v = trace->inputs[V].tensor,
        .out = trace->outputs[OUT].tensor,
        .is_causal = true,
        .rope = is_fused ? trace->table : NULL,
        .rotates_q = is_fused,
        .rotates_k = is_fused,
    };
    return gyre_attention(trace->session->stream, &attention);
}

static enum gyre_status run(struct trace *trace)
{
    enum gyre_status status = make_table(trace);
    if (status == GYRE_OK && !trace->is_fused)
        status = rotate(trace);
    if (status == GYRE_OK)
        status = attend(trace);
    return status == GYRE_OK ? gyre_stream_finish(trace->session->stream) : status;
}

static struct comparison comparison_of(const struct trace *trace, int i)
{
    struct comparison c = {
        .name = trace->outputs[i].name, .got = trace->outputs[i].values, .want = trace->values[i]};
    memcpy(c.shape, trace->outputs[i].layout.shape, sizeof(c.shape));
    return c;
}

// Beside the operator's own bound: both what was recorded before and after were rounded to f32.
static void check_rope(struct trace *trace, int i, struct result *result)
{
    size_t dim = (size_t)trace->files[i].shape[2], n = trace->files[i].n_items;
    double *bound = malloc((n + 1) * sizeof(*bound));
    double *inv_freq = malloc((dim / 2 + 1) * sizeof(*inv_freq));
    struct oracle_rope rope = {
        .head_dim = dim, .rotary_dim = dim, .is_interleaved = 1, .inv_freq = inv_freq};
    for (size_t at = 0; bound != NULL && inv_freq != NULL && at < n; at += dim) {
        const double *want = trace->values[i] + at;
        rope_bounds(&rope, GYRE_F32, want, bound + at);
        for (size_t d = 0; d < dim; d++)
            bound[at + d] += 0x1p-23 * hypot(want[d & ~(size_t)1], want[d | 1]);
    }
    struct comparison comparison = comparison_of(trace, i);
    if (bound != NULL && inv_freq != NULL)
        compare_each(&comparison, bound, result);
    free(bound);
    free(inv_freq);
}

static void check(struct trace *trace, struct result *result)
{
    for (int i = 0; i < N_TENSORS; i++) {
        if (trace->inputs[i].image != NULL)
            guarded_read(trace->session, &trace->inputs[i], result);
        if (trace->outputs[i].image != NULL)
            guarded_read(trace->session, &trace->outputs[i], result);
    }
    if (!trace->is_fused) {
        check_rope(trace, Q_ROPE, result);
        check_rope(trace, K_ROPE, result);
    }
    struct comparison comparison = comparison_of(trace, OUT);
    compare_whole(&comparison, bounds_of_sums(GYRE_F32),
                  compare_scale(trace->values[V], trace->files[V].n_items), result);
}

void data_run_trace_layer(struct session *session, const char *folder, int layer, bool is_fused,
                          struct result *result)
{
    struct trace trace = {.session = session, .is_fused = is_fused};
    if (read_layer(folder, layer, &trace, result)) {
        enum gyre_status status = make_tensors(&trace);
        if (status == GYRE_OK)
            status = run(&trace);
        if (status == GYRE_OK)
            check(&trace, result);
        else
            case_not_prepared(session, case_dtypes_of(CASE_F32), is_fused, status, result);
    }
    for (int i = 0; i < N_TENSORS; i++) {
        npy_free(&trace.files[i]);
        free(trace.values[i]);
        guarded_destroy(&trace.inputs[i]);
        guarded_destroy(&trace.outputs[i]);
    }
    gyre_rope_table_destroy(&trace.table);
}
