// SPDX-License-Identifier: MIT
#include <math.h>

#include "log.h"
#include "ops/attention.h"

static enum gyre_status check_views(const struct gyre_check *check,
                                    const struct gyre_attention_params *params,
                                    struct gyre_attention_problem *p)
{
    const struct {
        const char *name;
        const struct gyre_tensor *tensor;
        unsigned dtypes;
        enum gyre_access access;
        struct gyre_view *view;
    } tensors[] = {
        {"q", &params->q, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->q},
        {"k", &params->k, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->k},
        {"v", &params->v, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->v},
        {"mask", &params->mask, GYRE_DTYPES_MASK, GYRE_INPUT, &p->mask},
        {"out", &params->out, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, &p->out},
        {"lse", &params->lse, GYRE_DTYPES_F32, GYRE_OUTPUT, &p->lse},
        {"scores", &params->scores, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, &p->scores},
        {"key_sums", &params->key_sums, GYRE_DTYPES_F32, GYRE_OUTPUT, &p->key_sums},
        {"q_starts", &params->q_starts, GYRE_DTYPES_I32, GYRE_INPUT, &p->starts},
        {"kv_lens", &params->kv_lens, GYRE_DTYPES_I32, GYRE_INPUT, &p->lens},
        {"alibi_slopes", &params->alibi_slopes, GYRE_DTYPES_F32, GYRE_INPUT, &p->slopes},
        {"sinks", &params->sinks, GYRE_DTYPES_F32, GYRE_INPUT, &p->sinks},
        {"cu_q_lens", &params->cu_q_lens, GYRE_DTYPES_I32, GYRE_INPUT, &p->q_firsts},
        {"cu_kv_lens", &params->cu_kv_lens, GYRE_DTYPES_I32, GYRE_INPUT, &p->k_firsts},
        {"k_positions", &params->k_positions, GYRE_DTYPES_I32, GYRE_INPUT, &p->k_positions},
        {"relative_keys", &params->relative_keys, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->relative},
        {"q2", &params->q2, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->q2},
        {"k2", &params->k2, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->k2},
        {"q_coords", &params->q_coords, GYRE_DTYPES_POSITION, GYRE_INPUT, &p->q_coords},
        {"k_coords", &params->k_coords, GYRE_DTYPES_POSITION, GYRE_INPUT, &p->k_coords},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(tensors) / sizeof(*tensors) && status == GYRE_OK; i++)
        status = gyre_view_check(check, tensors[i].name, tensors[i].tensor, tensors[i].dtypes,
                                 tensors[i].access, tensors[i].view);
    return status;
}

static enum gyre_status check_presence(const struct gyre_check *check,
                                       const struct gyre_attention_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    if (!p->q.is_present || !p->k.is_present)
        return gyre_fail(log, GYRE_INVALID, "attention: q or k is absent");
    if (!p->out.is_present && !p->lse.is_present && !p->scores.is_present &&
        !p->key_sums.is_present)
        return gyre_fail(log, GYRE_INVALID,
                         "attention: out, lse, scores and key_sums are all absent");
    if (p->out.is_present && !p->v.is_present)
        return gyre_fail(log, GYRE_INVALID, "attention: out without v");
    return GYRE_OK;
}

// Tokens of one sequence: those of the tensor, or up to `most` where sequences are packed.
static uint32_t longest(const struct gyre_view *firsts, uint32_t n_tokens, uint32_t most)
{
    return firsts->is_present && most != 0 && most < n_tokens ? most : n_tokens;
}

static enum gyre_status read_sizes(const struct gyre_check *check,
                                   const struct gyre_attention_params *params,
                                   struct gyre_attention_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    const struct gyre_view *firsts = p->q_firsts.is_present ? &p->q_firsts : &p->k_firsts;
    if (firsts->is_present && firsts->shape[3] == 0)
        return gyre_fail(log, GYRE_INVALID, "attention: cumulative lengths without a number");
    const char *unlisted = !p->q_firsts.is_present && params->max_q_len != 0    ? "q"
                           : !p->k_firsts.is_present && params->max_kv_len != 0 ? "kv"
                                                                                : NULL;
    if (unlisted != NULL)
        return gyre_fail(log, GYRE_INVALID, "attention: max_%s_len without cu_%s_lens", unlisted,
                         unlisted);
    p->n_batch = firsts->is_present ? firsts->shape[3] - 1 : p->q.shape[0];
    p->q_len = longest(&p->q_firsts, p->q.shape[1], params->max_q_len);
    p->n_heads = p->q.shape[2];
    p->head_dim = p->q.shape[3];
    p->kv_len = longest(&p->k_firsts, p->k.shape[1], params->max_kv_len);
    p->n_kv_heads = p->k.shape[2];
    p->v_dim = p->v.is_present ? p->v.shape[3] : 0;
    return GYRE_OK;
}

static enum gyre_status check_sizes(const struct gyre_check *check,
                                    const struct gyre_attention_problem *p)
{
    const uint32_t q_batch = p->q_firsts.is_present ? 1 : p->n_batch;
    const uint32_t k_batch = p->k_firsts.is_present ? 1 : p->n_batch;
    const uint32_t n_mask = p->is_mask_bits ? (p->kv_len + 7) / 8 : p->kv_len;
    const struct gyre_axis_rule rules[] = {
        {"q", &p->q, 0, q_batch, "the batch"},
        {"k", &p->k, 0, k_batch, "the batch"},
        {"k", &p->k, 3, p->head_dim, "q's head_dim"},
        {"v", &p->v, 0, k_batch, "k's batch"},
        {"v", &p->v, 1, p->k.shape[1], "k's tokens"},
        {"v", &p->v, 2, p->n_kv_heads, "k's heads"},
        {"out", &p->out, 0, q_batch, "q's batch"},
        {"out", &p->out, 1, p->q.shape[1], "q's tokens"},
        {"out", &p->out, 2, p->n_heads, "q's heads"},
        {"out", &p->out, 3, p->v_dim, "v's head_dim"},
        {"lse", &p->lse, 0, q_batch, "q's batch"},
        {"lse", &p->lse, 1, p->n_heads, "q's heads"},
        {"lse", &p->lse, 2, p->q.shape[1], "q's tokens"},
        {"lse", &p->lse, 3, 1, "its length"},
        {"scores", &p->scores, 0, p->n_batch, "q's batch"},
        {"scores", &p->scores, 1, p->n_heads, "q's heads"},
        {"scores", &p->scores, 2, p->q_len, "q's tokens"},
        {"scores", &p->scores, 3, p->kv_len, "k's tokens"},
        {"key_sums", &p->key_sums, 0, k_batch, "k's batch"},
        {"key_sums", &p->key_sums, 1, p->n_heads, "q's heads"},
        {"key_sums", &p->key_sums, 2, 1, "its length"},
        {"key_sums", &p->key_sums, 3, p->k.shape[1], "k's tokens"},
        {"mask", &p->mask, 3, n_mask, p->is_mask_bits ? "an eighth of k's tokens" : "k's tokens"},
    };
    enum gyre_status status = gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
    if (status != GYRE_OK)
        return status;
    const struct gyre_log *log = &check->device->log;
    if (p->is_mask_bits && p->mask.is_present && p->mask.dtype != GYRE_U8)
        return gyre_fail(log, GYRE_INVALID, "attention: mask: bits in %s",
                         gyre_dtype_name(p->mask.dtype));
    if (p->scores.is_present && (p->q_firsts.is_present || p->k_firsts.is_present))
        return gyre_fail(log, GYRE_INVALID, "attention: scores of packed sequences");
    if (p->head_dim == 0)
        return gyre_fail(log, GYRE_INVALID, "attention: q: head_dim is 0");
    if (p->n_heads != 0 && (p->n_kv_heads == 0 || p->n_heads % p->n_kv_heads != 0))
        return gyre_fail(log, GYRE_INVALID, "attention: %u heads of k do not divide %u of q",
                         p->n_kv_heads, p->n_heads);
    uint64_t group = p->n_heads != 0 ? p->n_heads / p->n_kv_heads : 0;
    if (p->q_len * group > UINT32_MAX || (uint64_t)p->n_heads * p->n_batch > UINT32_MAX)
        return gyre_fail(log, GYRE_UNSUPPORTED, "attention: more than 2^32 - 1 rows or heads");
    return GYRE_OK;
}

// Axes of length 1 repeat.
static enum gyre_status check_mask(const struct gyre_check *check,
                                   const struct gyre_attention_problem *p)
{
    const struct gyre_axis_rule rules[] = {
        {"mask", &p->mask, 0, p->n_batch, "q's batch"},
        {"mask", &p->mask, 1, p->n_heads, "q's heads"},
        {"mask", &p->mask, 2, p->q_len, "q's tokens"},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && status == GYRE_OK; i++)
        if (p->mask.shape[rules[i].axis] != 1)
            status = gyre_view_check_rules(check, &rules[i], 1);
    return status;
}

static enum gyre_status check_numbers(const struct gyre_check *check,
                                      const struct gyre_attention_params *params)
{
    const struct gyre_log *log = &check->device->log;
    const uint32_t max = 1u << 30; // sums of two positions must not wrap
    if (!isfinite(params->scale) || params->scale < 0)
        return gyre_fail(log, GYRE_INVALID, "attention: scale %g", (double)params->scale);
    if (!isfinite(params->softcap) || params->softcap < 0)
        return gyre_fail(log, GYRE_INVALID, "attention: softcap %g", (double)params->softcap);
    if ((unsigned)params->scores_stage > GYRE_SCORES_PROBS)
        return gyre_fail(log, GYRE_INVALID, "attention: scores_stage %d", params->scores_stage);
    if ((unsigned)params->precision > GYRE_ATTENTION_BF16_DOTS)
        return gyre_fail(log, GYRE_INVALID, "attention: precision %d", params->precision);
    if ((unsigned)params->align > GYRE_ALIGN_END)
        return gyre_fail(log, GYRE_INVALID, "attention: align %d", params->align);
    if (params->window_left > max || params->window_right > max)
        return gyre_fail(log, GYRE_INVALID, "attention: window_left %u or window_right %u > 2^30",
                         params->window_left, params->window_right);
    return GYRE_OK;
}

static enum gyre_status read_numbers(const struct gyre_check *check,
                                     const struct gyre_attention_params *params,
                                     struct gyre_attention_problem *p)
{
    int64_t q_start = params->q_start;
    p->is_end = params->align == GYRE_ALIGN_END &&
                (p->lens.is_present || p->q_firsts.is_present || p->k_firsts.is_present);
    if (params->align == GYRE_ALIGN_END && !p->is_end)
        q_start += (int64_t)p->kv_len - p->q_len;
    if (q_start < -(1 << 30) || q_start + p->q_len > 1 << 30)
        return gyre_fail(&check->device->log, GYRE_INVALID,
                         "attention: positions from %lld beyond 2^30", (long long)q_start);
    p->q_start = (int32_t)q_start;
    p->scale = params->scale != 0 ? params->scale : (float)(1 / sqrt((double)p->head_dim));
    p->softcap = params->softcap;
    p->is_causal = params->is_causal;
    p->window_left = params->window_left;
    p->window_right = params->window_right;
    p->window_keep = params->window_keep;
    p->n_prefix = params->n_prefix;
    p->stage = params->scores_stage;
    p->has_out = p->out.extent != 0;
    p->has_lse = p->lse.extent != 0;
    p->has_scores = p->scores.extent != 0;
    p->has_key_sums = p->key_sums.extent != 0;
    p->adds_key_sums = params->adds_key_sums;
    p->n_sum_queries = params->n_sum_queries;
    p->is_deterministic = params->is_deterministic;
    p->precision = params->precision;
    return GYRE_OK;
}

static enum gyre_status check_overlap(const struct gyre_check *check,
                                      const struct gyre_attention_problem *p)
{
    const struct {
        const char *name;
        const struct gyre_view *view;
    } tensors[] = {
        {"out", &p->out},
        {"lse", &p->lse},
        {"scores", &p->scores},
        {"key_sums", &p->key_sums},
        {"q", &p->q},
        {"k", &p->k},
        {"v", &p->v},
        {"mask", &p->mask},
        {"q_starts", &p->starts},
        {"kv_lens", &p->lens},
        {"alibi_slopes", &p->slopes},
        {"sinks", &p->sinks},
        {"cu_q_lens", &p->q_firsts},
        {"cu_kv_lens", &p->k_firsts},
        {"k_positions", &p->k_positions},
        {"relative_keys", &p->relative},
        {"q2", &p->q2},
        {"k2", &p->k2},
        {"q_coords", &p->q_coords},
        {"k_coords", &p->k_coords},
    };
    enum { N_OUTPUTS = 4, N_TENSORS = sizeof(tensors) / sizeof(*tensors) };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < N_OUTPUTS; i++)
        for (size_t j = i + 1; j < N_TENSORS && status == GYRE_OK; j++)
            status = gyre_view_check_disjoint(check, tensors[i].name, tensors[i].view,
                                              tensors[j].name, tensors[j].view);
    return status;
}

enum gyre_status gyre_attention_check(const struct gyre_check *check,
                                      const struct gyre_attention_params *params,
                                      struct gyre_attention_problem *problem)
{
    *problem = (struct gyre_attention_problem){0};
    if (params == NULL)
        return gyre_fail(&check->device->log, GYRE_INVALID, "attention: params is NULL");
    enum gyre_status status = check_numbers(check, params);
    if (status == GYRE_OK)
        status = check_views(check, params, problem);
    if (status == GYRE_OK)
        status = check_presence(check, problem);
    if (status != GYRE_OK)
        return status;
    problem->is_mask_bits = params->is_mask_bits;
    status = read_sizes(check, params, problem);
    if (status == GYRE_OK)
        status = check_sizes(check, problem);
    if (status == GYRE_OK)
        status = check_mask(check, problem);
    if (status == GYRE_OK)
        status = gyre_attention_check_extras(check, params, problem);
    if (status == GYRE_OK)
        status = read_numbers(check, params, problem);
    if (status == GYRE_OK)
        status = check_overlap(check, problem);
    return status;
}
