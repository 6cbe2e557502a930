// SPDX-License-Identifier: MIT
// gyre explain: which kernels a call would take.
#include <string.h>

#include <gyre/attention.h>
#include <gyre/linear_attention.h>
#include <gyre/rope.h>

#include "command.h"
#include "json.h"
#include "open.h"

static const struct command_help help = {
    .name = "explain",
    .about = "say which kernels a call would take on a device, and why",
    .operands = "rope|attention|linear",
    .examples =
        "  gyre explain rope --heads 32 --head-dim 128 --dtype f16\n"
        "  gyre explain attention --q-len 512 --kv-len 512 --heads 32/8 --causal\n"
        "  gyre explain attention --q-len 1 --kv-len 4096 --heads 32/8 --device all\n"
        "  gyre explain attention --q-len 512 --kv-len 512 --scores   with the score matrix\n"
        "  gyre explain linear --q-len 4096 --kv-len 4096 --causal    linear attention with RoPE\n"
        "  gyre explain attention --dtype bf16 --precision bf16-dots",
    .n_operands = 1,
    .max_operands = 1,
};

struct explain_options {
    struct common common;
    const char *op, *heads;
    uint32_t n_batch, q_len, kv_len, head_dim, v_dim;
    int dtype, kv_dtype; // enum gyre_dtype; kv_dtype -1: as dtype
    int precision;       // of OPTION_PRECISION
    bool is_causal, has_scores, is_interleaved;
};

struct heads {
    uint32_t n, n_kv;
};

// "32/8", or "32" for as many KV heads.
static bool parse_heads(const char *text, struct heads *heads)
{
    char rest;
    if (sscanf(text, "%u/%u%c", &heads->n, &heads->n_kv, &rest) == 2)
        return true;
    bool is_one = sscanf(text, "%u%c", &heads->n, &rest) == 1;
    heads->n_kv = heads->n;
    return is_one;
}

static struct gyre_tensor tensor_of(enum gyre_dtype dtype, uint64_t n_batch, uint64_t n_tokens,
                                    uint64_t n_heads, uint64_t dim)
{
    return (struct gyre_tensor){.dtype = dtype, .shape = {n_batch, n_tokens, n_heads, dim}};
}

static enum gyre_status make_table(struct gyre_device *device,
                                   const struct explain_options *options,
                                   struct gyre_rope_table **table)
{
    const struct gyre_rope_config config = {
        .head_dim = options->head_dim,
        .pairing = options->is_interleaved ? GYRE_ROPE_INTERLEAVED : GYRE_ROPE_HALF,
    };
    return gyre_rope_table_create(device, &config, table);
}

static enum gyre_status explain_rope(struct gyre_device *device,
                                     const struct explain_options *options, struct heads heads,
                                     char *text, size_t size)
{
    enum gyre_dtype dtype = (enum gyre_dtype)options->dtype;
    struct gyre_rope_table *table;
    enum gyre_status status = make_table(device, options, &table);
    struct gyre_rope_params params = {
        .table = table,
        .q = tensor_of(dtype, options->n_batch, options->q_len, heads.n, options->head_dim),
        .k = tensor_of(dtype, options->n_batch, options->q_len, heads.n_kv, options->head_dim),
    };
    if (status == GYRE_OK)
        status = gyre_rope_explain(device, &params, text, size);
    gyre_rope_table_destroy(&table);
    return status;
}

static enum gyre_status explain_attention(struct gyre_device *device,
                                          const struct explain_options *options, struct heads heads,
                                          char *text, size_t size)
{
    enum gyre_dtype dtype = (enum gyre_dtype)options->dtype;
    enum gyre_dtype kv_dtype = options->kv_dtype < 0 ? dtype : (enum gyre_dtype)options->kv_dtype;
    uint64_t v_dim = options->v_dim != 0 ? options->v_dim : options->head_dim;
    uint64_t n = options->n_batch;
    struct gyre_attention_params params = {
        .q = tensor_of(dtype, n, options->q_len, heads.n, options->head_dim),
        .k = tensor_of(kv_dtype, n, options->kv_len, heads.n_kv, options->head_dim),
        .v = tensor_of(kv_dtype, n, options->kv_len, heads.n_kv, v_dim),
        .out = tensor_of(dtype, n, options->q_len, heads.n, v_dim),
        .is_causal = options->is_causal,
        .align = GYRE_ALIGN_END,
        .scores_stage = GYRE_SCORES_PROBS,
        .precision = (enum gyre_attention_precision)options->precision,
    };
    if (options->has_scores)
        params.scores = tensor_of(GYRE_F32, n, heads.n, options->q_len, options->kv_len);
    return gyre_attention_explain(device, &params, text, size);
}

static enum gyre_status explain_linear(struct gyre_device *device,
                                       const struct explain_options *options, struct heads heads,
                                       char *text, size_t size)
{
    enum gyre_dtype dtype = (enum gyre_dtype)options->dtype;
    enum gyre_dtype kv_dtype = options->kv_dtype < 0 ? dtype : (enum gyre_dtype)options->kv_dtype;
    uint64_t v_dim = options->v_dim != 0 ? options->v_dim : options->head_dim;
    uint64_t n = options->n_batch;
    struct gyre_rope_table *table;
    enum gyre_status status = make_table(device, options, &table);
    const struct gyre_linear_attention_params params = {
        .q = tensor_of(dtype, n, options->q_len, heads.n, options->head_dim),
        .k = tensor_of(kv_dtype, n, options->kv_len, heads.n_kv, options->head_dim),
        .v = tensor_of(kv_dtype, n, options->kv_len, heads.n_kv, v_dim),
        .out = tensor_of(dtype, n, options->q_len, heads.n, v_dim),
        .rope = table,
        .is_causal = options->is_causal,
        .align = GYRE_ALIGN_END,
    };
    if (status == GYRE_OK)
        status = gyre_linear_attention_explain(device, &params, text, size);
    gyre_rope_table_destroy(&table);
    return status;
}

static const struct explainer {
    const char *name;
    enum gyre_status (*explain)(struct gyre_device *device, const struct explain_options *options,
                                struct heads heads, char *text, size_t size);
} explainers[] = {
    {"rope", explain_rope},
    {"attention", explain_attention},
    {"linear", explain_linear},
};

// NULL: none is called so.
static const struct explainer *find_explainer(const char *name)
{
    for (size_t i = 0; i < sizeof(explainers) / sizeof(*explainers); i++)
        if (strcmp(explainers[i].name, name) == 0)
            return &explainers[i];
    return NULL;
}

static int explain_on(const struct explain_options *options, const char *name, struct heads heads,
                      cJSON *json)
{
    struct opened opened;
    char text[4096] = "";
    int code;
    if (!opened_open(&opened, &options->common, name, &code))
        return code;
    struct gyre_device *device = opened.session.device;
    enum gyre_status status =
        find_explainer(options->op)->explain(device, options, heads, text, sizeof(text));
    if (status != GYRE_OK)
        code = complain_status(&opened, "explaining", status);
    else if (json == NULL)
        printf("%s\n", text);
    if (status == GYRE_OK && json != NULL) {
        cJSON *item = cJSON_CreateObject();
        json_add_device(item, opened.session.info);
        cJSON_AddStringToObject(item, "text", text);
        cJSON_AddItemToArray(json, item);
    }
    opened_close(&opened);
    return status == GYRE_OK ? CODE_OK : code;
}

static int explain_on_all(const struct explain_options *options, struct heads heads)
{
    struct names names = names_find(&options->common);
    cJSON *json = options->common.is_json ? cJSON_CreateArray() : NULL;
    int worst = CODE_OK;
    for (size_t i = 0; i < names.n; i++) {
        int code = explain_on(options, names.items[i], heads, json);
        worst = code > worst ? code : worst;
    }
    json_print(json, stdout);
    names_free(&names);
    return worst;
}

int command_explain(int argc, char **argv)
{
    struct explain_options options = {.n_batch = 1,
                                      .q_len = 512,
                                      .kv_len = 512,
                                      .head_dim = 128,
                                      .heads = "32/8",
                                      .kv_dtype = -1};
    const struct option_spec specs[] = {
        {"q-len", 'q', OPTION_U32, &options.q_len, "N", "query tokens (512)"},
        {"kv-len", 'k', OPTION_U32, &options.kv_len, "N", "keys (512)"},
        {"heads", 0, OPTION_TEXT, &options.heads, "Q/KV", "query and KV heads (32/8)"},
        {"head-dim", 0, OPTION_U32, &options.head_dim, "N", "elements of a head (128)"},
        {"v-dim", 0, OPTION_U32, &options.v_dim, "N", "elements of a value (head-dim)"},
        {"batch", 'b', OPTION_U32, &options.n_batch, "N", "batch elements (1)"},
        {"dtype", 0, OPTION_CHOICE, &options.dtype, "f32|f16|bf16", "storage (f32)"},
        {"kv-dtype", 0, OPTION_CHOICE, &options.kv_dtype, "f32|f16|bf16",
         "storage of keys and values (as dtype)"},
        OPTION_PRECISION(options.precision),
        {"causal", 0, OPTION_FLAG, &options.is_causal, NULL,
         "no query sees later keys; the last stands at the last key"},
        {"scores", 0, OPTION_FLAG, &options.has_scores, NULL, "the score matrix is wanted too"},
        {"interleaved", 0, OPTION_FLAG, &options.is_interleaved, NULL, "pairing of rope"},
        OPTION_DEVICES(options.common),
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    struct heads heads;
    int code;
    if (!options_parse(&help, specs, argc, argv, &options.op, &code))
        return code;
    if (find_explainer(options.op) == NULL)
        return complain(CODE_USAGE,
                        "explain: no operator '%s'; there are rope, attention and linear",
                        options.op);
    if (!parse_heads(options.heads, &heads))
        return complain(CODE_USAGE, "explain: --heads %s: wanted 32 or 32/8", options.heads);
    return explain_on_all(&options, heads);
}
