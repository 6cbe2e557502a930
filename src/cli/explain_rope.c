// SPDX-License-Identifier: MIT
#include "explain.h"

#include <gyre/rope.h>

static const struct command_help help = {
    .name = "explain rope",
    .about = "say which kernel a rotation of queries and keys would take, and why",
    .examples = "  gyre explain rope --heads 32/8 --head-dim 128 --dtype f16\n"
                "  gyre explain rope --q-len 4096 --interleaved --device all",
};

struct rope_options {
    struct common common;
    struct explain_shape shape;
    bool is_interleaved;
};

static enum gyre_status ask(struct gyre_device *device, const void *user, char *text, size_t size)
{
    const struct rope_options *options = user;
    const struct explain_shape *s = &options->shape;
    const enum gyre_dtype dtype = (enum gyre_dtype)s->dtype;
    const struct gyre_rope_config config = {
        .head_dim = s->head_dim,
        .pairing = options->is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
    };
    struct gyre_rope_table *table;
    enum gyre_status status = gyre_rope_table_create(device, &config, &table);
    const struct gyre_rope_params params = {
        .table = table,
        .q = explain_tensor(dtype, s->n_batch, s->q_len, s->heads.n, s->head_dim),
        .k = explain_tensor(dtype, s->n_batch, s->q_len, s->heads.n_kv, s->head_dim),
    };
    if (status == GYRE_OK)
        status = gyre_rope_explain(device, &params, text, size);
    gyre_rope_table_destroy(&table);
    return status;
}

int explain_rope(int argc, char **argv)
{
    struct rope_options options = {.shape = EXPLAIN_DEFAULTS};
    const struct option_spec specs[] = {
        OPTION_Q_LEN(options.shape),
        OPTION_HEAD_COUNTS(options.shape),
        OPTION_HEAD_DIM(options.shape),
        OPTION_BATCH(options.shape),
        OPTION_DTYPE("dtype", options.shape.dtype, "storage (f32)"),
        OPTION_INTERLEAVED(options.is_interleaved),
        EXPLAIN_OPTIONS_END(options.common),
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    return explain_print(&options.common, ask, &options);
}
