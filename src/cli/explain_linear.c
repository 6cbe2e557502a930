// SPDX-License-Identifier: MIT
#include "explain.h"

#include <gyre/linear_attention.h>

static const struct command_help help = {
    .name = "explain linear",
    .about = "say which kernels a linear attention would take, and why",
    .examples = "  gyre explain linear --q-len 4096 --kv-len 4096 --causal\n"
                "  gyre explain linear --q-len 1 --kv-len 1 --causal --past --state\n"
                "      a token that is decoded: its sums are read and written",
};

struct linear_options {
    struct common common;
    struct explain_shape shape;
    bool is_causal, has_no_rope, is_interleaved, has_past, has_state, has_no_out;
};

static struct gyre_linear_attention_params params_of(const struct linear_options *options)
{
    const struct explain_shape *s = &options->shape;
    const enum gyre_dtype dtype = (enum gyre_dtype)s->dtype;
    const enum gyre_dtype kv_dtype = s->kv_dtype < 0 ? dtype : (enum gyre_dtype)s->kv_dtype;
    const uint64_t n = s->n_batch, n_heads = s->heads.n, n_kv_heads = s->heads.n_kv;
    const uint64_t v_dim = s->v_dim != 0 ? s->v_dim : s->head_dim;
    const struct gyre_tensor state = explain_tensor(GYRE_F32, n, n_kv_heads, s->head_dim, v_dim);
    const struct gyre_tensor norm = explain_tensor(GYRE_F32, n, n_kv_heads, s->head_dim, 1);
    struct gyre_linear_attention_params params = {
        .k = explain_tensor(kv_dtype, n, s->kv_len, n_kv_heads, s->head_dim),
        .v = explain_tensor(kv_dtype, n, s->kv_len, n_kv_heads, v_dim),
        .is_causal = options->is_causal,
        .align = GYRE_ALIGN_END,
    };
    if (!options->has_no_out) {
        params.q = explain_tensor(dtype, n, s->q_len, n_heads, s->head_dim);
        params.out = explain_tensor(dtype, n, s->q_len, n_heads, v_dim);
    }
    if (options->has_state) {
        params.state = state;
        params.norm = norm;
    }
    if (options->has_past) {
        params.past_state = state;
        params.past_norm = norm;
    }
    return params;
}

static enum gyre_status ask(struct gyre_device *device, const void *user, char *text, size_t size)
{
    const struct linear_options *options = user;
    const struct gyre_rope_config config = {
        .head_dim = options->shape.head_dim,
        .pairing = options->is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
    };
    struct gyre_linear_attention_params params = params_of(options);
    struct gyre_rope_table *table = NULL;
    enum gyre_status status = GYRE_OK;
    if (!options->has_no_rope)
        status = gyre_rope_table_create(device, &config, &table);
    params.rope = table;
    if (status == GYRE_OK)
        status = gyre_linear_attention_explain(device, &params, text, size);
    gyre_rope_table_destroy(&table);
    return status;
}

int explain_linear(int argc, char **argv)
{
    struct linear_options options = {.shape = EXPLAIN_DEFAULTS};
    const struct option_spec specs[] = {
        OPTION_Q_LEN(options.shape),
        OPTION_KV_LEN(options.shape),
        OPTION_HEAD_COUNTS(options.shape),
        OPTION_HEAD_DIM(options.shape),
        OPTION_V_DIM(options.shape),
        OPTION_BATCH(options.shape),
        OPTION_DTYPE("dtype", options.shape.dtype, "storage (f32)"),
        OPTION_DTYPE("kv-dtype", options.shape.kv_dtype, "of keys and values (as dtype)"),
        {"causal", 0, OPTION_FLAG, &options.is_causal, NULL,
         "no query sees later keys; the last stands at the last key"},
        {"past", 0, OPTION_FLAG, &options.has_past, NULL, "sums over earlier keys are given"},
        {"state", 0, OPTION_FLAG, &options.has_state, NULL, "the sums are wanted"},
        {"no-out", 0, OPTION_FLAG, &options.has_no_out, NULL, "the output is not wanted"},
        {"no-rope", 0, OPTION_FLAG, &options.has_no_rope, NULL, "nothing is rotated"},
        OPTION_INTERLEAVED(options.is_interleaved),
        EXPLAIN_OPTIONS_END(options.common),
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    return explain_print(&options.common, ask, &options);
}
