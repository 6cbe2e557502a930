// SPDX-License-Identifier: MIT
#include "attention_problem.h"

#include <string.h>

static const struct command_help help = {
    .name = "explain attention",
    .about = "say which kernels an attention would take, and why",
    .examples =
        "  gyre explain attention --q-len 512 --kv-len 512 --heads 32/8 --causal\n"
        "  gyre explain attention --q-len 1 --kv-len 4096 --heads 32/8 --device all\n"
        "  gyre explain attention --causal --scores      with the score matrix\n"
        "  gyre explain attention --dtype bf16 --precision bf16-dots\n"
        "  gyre explain attention --causal -b 32 --cu-q-lens 543 --cu-kv-lens 20000 -k 4096\n"
        "      prefill and decoding in one call: 32 packed sequences of up to 512 queries\n"
        "  gyre explain attention --heads 128/1 --head-dim 512 --head-dim2 64 --q-len 1\n"
        "      multi-head latent attention (MLA), absorbed\n"
        "  gyre explain attention --causal --fused-rope both --window-left 4096 --window-keep 4\n"
        "      a cache of unrotated keys, attention sinks kept (StreamingLLM)\n\n"
        "Only sizes and which terms there are decide: tensors have no contents here.",
};

struct attention_options {
    struct common common;
    struct attention_terms terms;
    int align, scores_stage, precision, layout; // of their options' words
    double scale, softcap;
};

static enum gyre_status ask(struct gyre_device *device, const void *user, char *text, size_t size)
{
    const struct attention_terms *terms = user;
    struct gyre_rope_table *table = NULL;
    enum gyre_status status = GYRE_OK;
    if (terms->rotates != ROTATES_NOTHING) {
        const struct gyre_rope_config config = attention_problem_rope(terms);
        status = gyre_rope_table_create(device, &config, &table);
    }
    const struct gyre_attention_params params = attention_problem_make(terms, table);
    if (status == GYRE_OK)
        status = gyre_attention_explain(device, &params, text, size);
    gyre_rope_table_destroy(&table);
    return status;
}

// What the options' types cannot say.
static int check(const struct attention_options *options)
{
    const struct attention_terms *terms = &options->terms;
    const char *axes = terms->mask_axes;
    if (axes[strspn(axes, "bhq")] != '\0')
        return complain(CODE_USAGE, "%s: --mask-axes %s: wanted letters of bhq", help.name, axes);
    if (terms->n_axes > GYRE_ROPE_MAX_AXES)
        return complain(CODE_USAGE, "%s: --rope-axes %u: wanted at most %d", help.name,
                        terms->n_axes, GYRE_ROPE_MAX_AXES);
    if (terms->n_axes != 0 && terms->rotates == ROTATES_NOTHING)
        return complain(CODE_USAGE, "%s: --rope-axes without --fused-rope", help.name);
    return CODE_OK;
}

// What was read as the options' types have it.
static void convert(struct attention_options *options)
{
    struct gyre_attention_params *plain = &options->terms.plain;
    plain->align = (enum gyre_align)options->align;
    plain->scores_stage = (enum gyre_scores_stage)options->scores_stage;
    plain->precision = (enum gyre_attention_precision)options->precision;
    plain->scale = (float)options->scale;
    plain->softcap = (float)options->softcap;
    options->terms.is_head_major = options->layout == 1;
}

int explain_attention(int argc, char **argv)
{
    struct attention_options options = {
        .align = GYRE_ALIGN_END,
        .scores_stage = GYRE_SCORES_PROBS,
        .terms = {.shape = EXPLAIN_DEFAULTS,
                  .v_dtype = -1,
                  .out_dtype = -1,
                  .mask = MASK_NONE,
                  .mask_axes = "q",
                  .rotates = ROTATES_NOTHING,
                  .n_kv_heads2 = 1},
    };
    struct attention_terms *terms = &options.terms;
    struct gyre_attention_params *plain = &terms->plain;
    const struct option_spec specs[] = {
        OPTION_Q_LEN(terms->shape),
        OPTION_KV_LEN(terms->shape),
        OPTION_HEAD_COUNTS(terms->shape),
        OPTION_HEAD_DIM(terms->shape),
        OPTION_V_DIM(terms->shape),
        OPTION_BATCH(terms->shape),
        OPTION_DTYPE("dtype", terms->shape.dtype, "storage (f32)"),
        OPTION_DTYPE("kv-dtype", terms->shape.kv_dtype, "of keys and values (as dtype)"),
        OPTION_DTYPE("v-dtype", terms->v_dtype, "of values (as kv-dtype)"),
        OPTION_DTYPE("out-dtype", terms->out_dtype, "of the output (as dtype)"),
        {"layout", 0, OPTION_CHOICE, &options.layout, "bshd|bhsd",
         "order of batch, token, head and element in memory (bshd)"},
        OPTION_PRECISION(options.precision),
        {"deterministic", 0, OPTION_FLAG, &plain->is_deterministic, NULL,
         "bits depend neither on the batch nor on the device's units"},
        OPTION_DEVICES(options.common),
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),

        OPTIONS_ABOUT("which keys a query sees"),
        {"causal", 0, OPTION_FLAG, &plain->is_causal, NULL, "no query sees later keys"},
        {"align", 0, OPTION_CHOICE, &options.align, "start|end",
         "query 0 at key 0, or the last query at the last key (end)"},
        {"q-start", 0, OPTION_I32, &plain->q_start, "N", "moves the queries' positions (0)"},
        {"window-left", 0, OPTION_U32, &plain->window_left, "N", "keys seen before (all)"},
        {"window-right", 0, OPTION_U32, &plain->window_right, "N", "keys seen after (all)"},
        {"window-keep", 0, OPTION_U32, &plain->window_keep, "N",
         "first keys that no window hides (0)"},
        {"prefix", 0, OPTION_U32, &plain->n_prefix, "N",
         "first keys that causal does not hide (0)"},
        {"mask", 0, OPTION_CHOICE, &terms->mask, "f32|f16|bf16|bool|bits",
         "a mask tensor: added, bytes, or a bit per key (none)"},
        {"mask-axes", 0, OPTION_TEXT, &terms->mask_axes, "bhq",
         "of batch, head and query those it does not broadcast over (q)"},
        {"key-positions", 0, OPTION_FLAG, &terms->has_k_positions, NULL,
         "keys stand at given positions: rings, sparse caches"},

        OPTIONS_ABOUT("sequences of different lengths"),
        {"kv-lens", 0, OPTION_FLAG, &terms->has_kv_lens, NULL, "each has its own number of keys"},
        {"q-starts", 0, OPTION_FLAG, &terms->has_q_starts, NULL, "each has its own q-start"},
        {"cu-q-lens", 0, OPTION_U32, &terms->n_q_tokens, "N",
         "packed: N query tokens in batch sequences, of at most q-len each"},
        {"cu-kv-lens", 0, OPTION_U32, &terms->n_kv_tokens, "N",
         "packed: N keys in batch sequences, of at most kv-len each"},

        OPTIONS_ABOUT("scores"),
        {"scale", 0, OPTION_DOUBLE, &options.scale, "X", "of the scores (1/sqrt(dim))"},
        {"softcap", 0, OPTION_DOUBLE, &options.softcap, "X", "of the scores (none)"},
        {"alibi", 0, OPTION_FLAG, &terms->has_alibi, NULL, "ALiBi: a slope per head"},
        {"sinks", 0, OPTION_FLAG, &terms->has_sinks, NULL, "a logit per head in the softmax"},
        {"relative-keys", 0, OPTION_U32, &terms->max_distance, "N",
         "relative key embeddings, for distances up to N (none)"},
        {"head-dim2", 0, OPTION_U32, &terms->dim2, "N",
         "elements of a second part of q and k, as in MLA (none)"},
        {"kv-heads2", 0, OPTION_U32, &terms->n_kv_heads2, "N", "KV heads of that part (1)"},
        {"fused-rope", 0, OPTION_CHOICE, &terms->rotates, "q|k|both",
         "what RoPE rotates while it is loaded (none)"},
        {"rope-axes", 0, OPTION_U32, &terms->n_axes, "N",
         "its positions are given, with N axes, as in M-RoPE (q-start and keys)"},
        OPTION_INTERLEAVED(terms->is_interleaved),

        OPTIONS_ABOUT("what is wanted"),
        {"no-out", 0, OPTION_FLAG, &terms->has_no_out, NULL, "not the output"},
        {"lse", 0, OPTION_FLAG, &terms->has_lse, NULL, "log(sum(exp(scores)))"},
        {"scores", 0, OPTION_FLAG, &terms->has_scores, NULL, "the score matrix"},
        {"scores-stage", 0, OPTION_CHOICE, &options.scores_stage, "raw|capped|masked|probs",
         "which form of it (probs)"},
        {"key-sums", 0, OPTION_FLAG, &terms->has_key_sums, NULL,
         "sums of each key's probabilities"},
        {"sum-queries", 0, OPTION_U32, &plain->n_sum_queries, "N",
         "over so many last queries (all)"},
        {"add-key-sums", 0, OPTION_FLAG, &plain->adds_key_sums, NULL, "added to what is there"},
        {0},
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    code = check(&options);
    if (code != CODE_OK)
        return code;
    convert(&options);
    return explain_print(&options.common, ask, terms);
}
