// SPDX-License-Identifier: MIT
#include "explain.h"

#include <stdlib.h>

#include <gyre/attention_merge.h>

static const struct command_help help = {
    .name = "explain merge",
    .about = "say which kernel merging attention over ranges of keys would take, and why",
    .examples = "  gyre explain merge --parts 4 --q-len 512 --out-dtype f16\n"
                "  gyre explain merge --parts 16 --q-len 1 --lse --sinks --device all",
};

enum { MAX_PARTS = 4096 }; // whose descriptions we make

struct merge_options {
    struct common common;
    struct explain_shape shape;
    uint32_t n_parts, n_heads;
    int out_dtype; // enum gyre_dtype; -1: as the parts
    bool has_sinks, has_lse, has_no_out;
};

static struct gyre_attention_merge_params params_of(const struct merge_options *options,
                                                    struct gyre_attention_part *parts)
{
    const struct explain_shape *s = &options->shape;
    const struct gyre_tensor lse =
        explain_tensor(GYRE_F32, s->n_batch, options->n_heads, s->q_len, 1);
    struct gyre_tensor out =
        explain_tensor((enum gyre_dtype)s->dtype, s->n_batch, s->q_len, options->n_heads, s->v_dim);
    struct gyre_attention_merge_params params = {.parts = parts, .n_parts = options->n_parts};
    for (uint32_t i = 0; i < options->n_parts; i++)
        parts[i] = (struct gyre_attention_part){out, lse};
    if (options->out_dtype >= 0)
        out.dtype = (enum gyre_dtype)options->out_dtype;
    if (!options->has_no_out)
        params.out = out;
    if (options->has_lse)
        params.lse = lse;
    if (options->has_sinks)
        params.sinks = explain_tensor(GYRE_F32, 1, 1, 1, options->n_heads);
    return params;
}

static enum gyre_status ask(struct gyre_device *device, const void *user, char *text, size_t size)
{
    const struct merge_options *options = user;
    struct gyre_attention_part *parts = calloc(options->n_parts + 1, sizeof(*parts));
    if (parts == NULL)
        return GYRE_NO_MEMORY;
    const struct gyre_attention_merge_params params = params_of(options, parts);
    enum gyre_status status = gyre_attention_merge_explain(device, &params, text, size);
    free(parts);
    return status;
}

int explain_merge(int argc, char **argv)
{
    struct merge_options options = {
        .shape = EXPLAIN_DEFAULTS, .n_parts = 2, .n_heads = 32, .out_dtype = -1};
    options.shape.v_dim = options.shape.head_dim;
    const struct option_spec specs[] = {
        {"parts", 'p', OPTION_U32, &options.n_parts, "N", "ranges of keys (2)"},
        OPTION_Q_LEN(options.shape),
        {"heads", 0, OPTION_U32, &options.n_heads, "N", "query heads (32)"},
        {"v-dim", 0, OPTION_U32, &options.shape.v_dim, "N", "elements of a value (128)"},
        OPTION_BATCH(options.shape),
        OPTION_DTYPE("dtype", options.shape.dtype, "storage of the parts (f32)"),
        OPTION_DTYPE("out-dtype", options.out_dtype, "of the output (as dtype)"),
        {"sinks", 0, OPTION_FLAG, &options.has_sinks, NULL, "a logit per head in the softmax"},
        {"lse", 0, OPTION_FLAG, &options.has_lse, NULL, "log(sum(exp(scores))) is wanted"},
        {"no-out", 0, OPTION_FLAG, &options.has_no_out, NULL, "the output is not wanted"},
        EXPLAIN_OPTIONS_END(options.common),
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    if (options.n_parts > MAX_PARTS)
        return complain(CODE_USAGE, "explain merge: --parts %u: wanted at most %d", options.n_parts,
                        MAX_PARTS);
    return explain_print(&options.common, ask, &options);
}
