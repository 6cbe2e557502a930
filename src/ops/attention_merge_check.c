// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "log.h"
#include "ops/attention_merge.h"

static enum gyre_status check_shape(const struct gyre_check *check, const char *name,
                                    const struct gyre_view *view, const uint32_t want[4])
{
    enum gyre_status status = GYRE_OK;
    for (int axis = 0; axis < 4 && view->is_present && status == GYRE_OK; axis++)
        status = gyre_view_check_axis(check, name, view, axis, want[axis], "the length wanted");
    return status;
}

// --- parts

// What the log calls the tensors of part i.
struct part_names {
    char out[32], lse[32];
};

static struct part_names names_of(uint32_t i)
{
    struct part_names names;
    snprintf(names.out, sizeof(names.out), "parts[%u].out", i);
    snprintf(names.lse, sizeof(names.lse), "parts[%u].lse", i);
    return names;
}

// An output that is not asked for is not looked at in the parts either.
static enum gyre_status view_part(const struct gyre_check *check,
                                  const struct gyre_attention_merge_problem *p, uint32_t i,
                                  struct gyre_merge_part *part)
{
    const struct part_names names = names_of(i);
    enum gyre_status status = GYRE_OK;
    part->out = (struct gyre_view){0};
    if (p->out.is_present)
        status = gyre_view_check(check, names.out, &p->parts[i].out, GYRE_DTYPES_FLOAT, GYRE_INPUT,
                                 &part->out);
    if (status == GYRE_OK)
        status = gyre_view_check(check, names.lse, &p->parts[i].lse, GYRE_DTYPES_F32, GYRE_INPUT,
                                 &part->lse);
    return status;
}

struct gyre_merge_part gyre_attention_merge_part(const struct gyre_check *check,
                                                 const struct gyre_attention_merge_problem *p,
                                                 uint32_t i)
{
    struct gyre_merge_part part;
    view_part(check, p, i, &part);
    return part;
}

static enum gyre_status check_presence(const struct gyre_check *check,
                                       const struct gyre_attention_merge_problem *p, uint32_t i,
                                       const struct gyre_merge_part *part)
{
    const struct gyre_log *log = &check->device->log;
    if (!part->lse.is_present)
        return gyre_fail(log, GYRE_INVALID, "%s: parts[%u].lse is absent", check->verb, i);
    if (p->out.is_present && !part->out.is_present)
        return gyre_fail(log, GYRE_INVALID, "%s: out without parts[%u].out", check->verb, i);
    return GYRE_OK;
}

// A result may be a part's own tensor, whose elements are then read before they are written.
static enum gyre_status check_result(const struct gyre_check *check, const char *name,
                                     const struct gyre_view *result, const char *own_name,
                                     const struct gyre_view *own, const char *other_name,
                                     const struct gyre_view *other)
{
    enum gyre_status status = GYRE_OK;
    if (!gyre_view_is_same(result, own))
        status = gyre_view_check_disjoint(check, name, result, own_name, own);
    if (status == GYRE_OK)
        status = gyre_view_check_disjoint(check, name, result, other_name, other);
    return status;
}

// All parts are like the first, by which p's sizes go.
static enum gyre_status check_part(const struct gyre_check *check,
                                   const struct gyre_attention_merge_problem *p, uint32_t i)
{
    const struct part_names names = names_of(i);
    const uint32_t out_shape[4] = {p->n_batch, p->q_len, p->n_heads, p->v_dim};
    const uint32_t lse_shape[4] = {p->n_batch, p->n_heads, p->q_len, 1};
    struct gyre_merge_part part;
    enum gyre_status status = view_part(check, p, i, &part);
    if (status == GYRE_OK)
        status = check_presence(check, p, i, &part);
    if (status == GYRE_OK)
        status = check_shape(check, names.out, &part.out, out_shape);
    if (status == GYRE_OK)
        status = check_shape(check, names.lse, &part.lse, lse_shape);
    if (status == GYRE_OK && part.out.dtype != p->part_dtype)
        status = gyre_fail(&check->device->log, GYRE_INVALID, "%s: %s is %s, parts[0].out is %s",
                           check->verb, names.out, gyre_dtype_name(part.out.dtype),
                           gyre_dtype_name(p->part_dtype));
    if (status == GYRE_OK)
        status = check_result(check, "out", &p->out, names.out, &part.out, names.lse, &part.lse);
    if (status == GYRE_OK)
        status = check_result(check, "lse", &p->lse, names.lse, &part.lse, names.out, &part.out);
    return status;
}

// --- the whole

static enum gyre_status check_numbers(const struct gyre_check *check,
                                      const struct gyre_attention_merge_params *params)
{
    const struct gyre_log *log = &check->device->log;
    if (params == NULL)
        return gyre_fail(log, GYRE_INVALID, "%s: params is NULL", check->verb);
    if (params->n_parts == 0 || params->parts == NULL)
        return gyre_fail(log, GYRE_INVALID, "%s: no parts", check->verb);
    return GYRE_OK;
}

static enum gyre_status check_views(const struct gyre_check *check,
                                    const struct gyre_attention_merge_params *params,
                                    struct gyre_attention_merge_problem *p)
{
    enum gyre_status status =
        gyre_view_check(check, "out", &params->out, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, &p->out);
    if (status == GYRE_OK)
        status = gyre_view_check(check, "lse", &params->lse, GYRE_DTYPES_F32, GYRE_OUTPUT, &p->lse);
    if (status == GYRE_OK)
        status =
            gyre_view_check(check, "sinks", &params->sinks, GYRE_DTYPES_F32, GYRE_INPUT, &p->sinks);
    if (status == GYRE_OK && !p->out.is_present && !p->lse.is_present)
        status = gyre_fail(&check->device->log, GYRE_INVALID, "%s: out and lse are both absent",
                           check->verb);
    return status;
}

// The first part says what everything is compared with.
static enum gyre_status read_sizes(const struct gyre_check *check,
                                   struct gyre_attention_merge_problem *p)
{
    struct gyre_merge_part part;
    enum gyre_status status = view_part(check, p, 0, &part);
    if (status != GYRE_OK)
        return status;
    p->part_dtype = part.out.dtype;
    p->n_batch = part.lse.shape[0];
    p->n_heads = part.lse.shape[1];
    p->q_len = part.lse.shape[2];
    p->v_dim = part.out.shape[3];
    // Rows are counted in 32 bits, and pairs of numbers for each.
    const uint64_t max_rows = UINT64_C(1) << 31, n_queries = (uint64_t)p->n_batch * p->q_len;
    if (p->n_heads != 0 && n_queries > max_rows / p->n_heads)
        return gyre_fail(&check->device->log, GYRE_UNSUPPORTED, "%s: more than 2^31 rows",
                         check->verb);
    return GYRE_OK;
}

static enum gyre_status check_results(const struct gyre_check *check,
                                      const struct gyre_attention_merge_problem *p)
{
    const uint32_t out_shape[4] = {p->n_batch, p->q_len, p->n_heads, p->v_dim};
    const uint32_t lse_shape[4] = {p->n_batch, p->n_heads, p->q_len, 1};
    const uint32_t sinks_shape[4] = {1, 1, 1, p->n_heads};
    enum gyre_status status = check_shape(check, "out", &p->out, out_shape);
    if (status == GYRE_OK)
        status = check_shape(check, "lse", &p->lse, lse_shape);
    if (status == GYRE_OK)
        status = check_shape(check, "sinks", &p->sinks, sinks_shape);
    if (status == GYRE_OK)
        status = gyre_view_check_disjoint(check, "out", &p->out, "lse", &p->lse);
    if (status == GYRE_OK)
        status = gyre_view_check_disjoint(check, "out", &p->out, "sinks", &p->sinks);
    if (status == GYRE_OK)
        status = gyre_view_check_disjoint(check, "lse", &p->lse, "sinks", &p->sinks);
    return status;
}

enum gyre_status gyre_attention_merge_check(const struct gyre_check *check,
                                            const struct gyre_attention_merge_params *params,
                                            struct gyre_attention_merge_problem *problem)
{
    enum gyre_status status = check_numbers(check, params);
    if (status != GYRE_OK)
        return status;
    *problem =
        (struct gyre_attention_merge_problem){.parts = params->parts, .n_parts = params->n_parts};
    status = check_views(check, params, problem);
    if (status == GYRE_OK)
        status = read_sizes(check, problem);
    for (uint32_t i = 0; i < problem->n_parts && status == GYRE_OK; i++)
        status = check_part(check, problem, i);
    if (status == GYRE_OK)
        status = check_results(check, problem);
    return status;
}
