// SPDX-License-Identifier: MIT
#include "log.h"
#include "ops/rope.h"

static enum gyre_status check_heads(const struct gyre_check *check, const char *name,
                                    const struct gyre_rope_problem *problem,
                                    const struct gyre_view *view)
{
    enum gyre_status status = gyre_view_check_axis(check, name, view, 3, problem->table->head_dim,
                                                   "the table's head_dim");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, name, view, 0, problem->q.shape[0], "q's batch");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, name, view, 1, problem->q.shape[1], "q's tokens");
    if (status == GYRE_OK && view->dtype != problem->q.dtype)
        status = gyre_fail(&check->device->log, GYRE_INVALID, "rope: %s is %s, q is %s", name,
                           gyre_dtype_name(view->dtype), gyre_dtype_name(problem->q.dtype));
    return status;
}

// Checks an input and its result; absent result: in place.
static enum gyre_status check_pair(const struct gyre_check *check,
                                   struct gyre_rope_problem *problem, const char *const names[2],
                                   const struct gyre_tensor *in, const struct gyre_tensor *out,
                                   struct gyre_view *in_view, struct gyre_view *out_view)
{
    enum gyre_status status =
        gyre_view_check(check, names[0], in, GYRE_DTYPES_FLOAT, GYRE_INPUT, in_view);
    if (status == GYRE_OK)
        status = gyre_view_check(check, names[1], out, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, out_view);
    if (status == GYRE_OK && in_view->is_present && !out_view->is_present)
        status = gyre_view_check(check, names[0], in, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, out_view);
    if (status != GYRE_OK || !in_view->is_present)
        return status;
    status = check_heads(check, names[0], problem, in_view);
    if (status == GYRE_OK)
        status = check_heads(check, names[1], problem, out_view);
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, names[1], out_view, 2, in_view->shape[2], "heads");
    if (status == GYRE_OK && !gyre_view_is_same(out_view, in_view))
        status = gyre_view_check_disjoint(check, names[1], out_view, names[0], in_view);
    return status;
}

static enum gyre_status check_axis_or_one(const struct gyre_check *check, const char *name,
                                          const struct gyre_view *view, int axis, uint32_t want,
                                          const char *what)
{
    return view->shape[axis] == 1 ? GYRE_OK
                                  : gyre_view_check_axis(check, name, view, axis, want, what);
}

static enum gyre_status check_positions(const struct gyre_check *check,
                                        const struct gyre_tensor *tensor,
                                        struct gyre_rope_problem *problem)
{
    struct gyre_view *positions = &problem->positions;
    enum gyre_status status =
        gyre_view_check(check, "positions", tensor, GYRE_DTYPES_POSITION, GYRE_INPUT, positions);
    if (status != GYRE_OK || !positions->is_present)
        return status;
    status = gyre_view_check_axis(check, "positions", positions, 0, 1, "its length");
    if (status == GYRE_OK)
        status = check_axis_or_one(check, "positions", positions, 1, problem->table->facts.n_axes,
                                   "the table's number of axes");
    if (status == GYRE_OK)
        status =
            check_axis_or_one(check, "positions", positions, 2, problem->q.shape[0], "q's batch");
    if (status == GYRE_OK)
        status =
            check_axis_or_one(check, "positions", positions, 3, problem->q.shape[1], "q's tokens");
    // Kernels take the low words of 64-bit ones, and count words in 32 bits.
    if (status == GYRE_OK && positions->dtype == GYRE_I64 && positions->extent > 1u << 30)
        status = gyre_fail(&check->device->log, GYRE_UNSUPPORTED, "rope: positions span %llu i64",
                           (unsigned long long)positions->extent);
    return status;
}

static enum gyre_status check_cached(const struct gyre_check *check, const char *name,
                                     const struct gyre_rope_problem *problem,
                                     const struct gyre_view *view)
{
    enum gyre_status status = gyre_view_check_axis(check, name, view, 0, 1, "its length");
    if (status == GYRE_OK)
        status = check_axis_or_one(check, name, view, 1, problem->q.shape[0], "q's batch");
    if (status == GYRE_OK)
        status = gyre_view_check_axis(check, name, view, 3, problem->table->facts.n_pairs,
                                      "the table's number of pairs");
    return status;
}

static enum gyre_status check_cache(const struct gyre_check *check,
                                    const struct gyre_rope_params *params,
                                    struct gyre_rope_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    enum gyre_status status =
        gyre_view_check(check, "cos", &params->cos, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->cos);
    if (status == GYRE_OK)
        status =
            gyre_view_check(check, "sin", &params->sin, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->sin);
    if (status != GYRE_OK || (!p->cos.is_present && !p->sin.is_present))
        return status;
    if (!p->cos.is_present || !p->sin.is_present)
        return gyre_fail(log, GYRE_INVALID, "rope: %s is absent",
                         p->cos.is_present ? "sin" : "cos");
    if (p->table->facts.n_axes != 1)
        return gyre_fail(log, GYRE_INVALID, "rope: a cache for positions of %u axes",
                         p->table->facts.n_axes);
    status = check_cached(check, "cos", p, &p->cos);
    if (status == GYRE_OK)
        status = check_cached(check, "sin", p, &p->sin);
    if (status == GYRE_OK && !gyre_view_is_alike(&p->cos, &p->sin))
        status =
            gyre_fail(log, GYRE_INVALID, "rope: cos and sin differ in dtype, shape or strides");
    return status;
}

// The results must not touch the other tensors.
static enum gyre_status check_overlap(const struct gyre_check *check,
                                      const struct gyre_rope_problem *p)
{
    const struct {
        const char *name, *other_name;
        const struct gyre_view *output, *other;
    } pairs[] = {
        {"q_out", "k", &p->q_out, &p->k},
        {"k_out", "q", &p->k_out, &p->q},
        {"q_out", "k_out", &p->q_out, &p->k_out},
        {"q_out", "positions", &p->q_out, &p->positions},
        {"k_out", "positions", &p->k_out, &p->positions},
        {"q_out", "cos", &p->q_out, &p->cos},
        {"q_out", "sin", &p->q_out, &p->sin},
        {"k_out", "cos", &p->k_out, &p->cos},
        {"k_out", "sin", &p->k_out, &p->sin},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && status == GYRE_OK; i++)
        status = gyre_view_check_disjoint(check, pairs[i].name, pairs[i].output,
                                          pairs[i].other_name, pairs[i].other);
    return status;
}

// q's own shape is what the others are compared with.
static enum gyre_status check_heads_of_all(const struct gyre_check *check,
                                           const struct gyre_rope_params *params,
                                           struct gyre_rope_problem *p)
{
    static const char *const q_names[] = {"q", "q_out"}, *const k_names[] = {"k", "k_out"};
    const struct gyre_log *log = &check->device->log;
    enum gyre_status status =
        gyre_view_check(check, "q", &params->q, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->q);
    if (status == GYRE_OK && !p->q.is_present)
        status = gyre_fail(log, GYRE_INVALID, "rope: q is absent");
    if (status == GYRE_OK)
        status = check_pair(check, p, q_names, &params->q, &params->q_out, &p->q, &p->q_out);
    if (status == GYRE_OK)
        status = check_pair(check, p, k_names, &params->k, &params->k_out, &p->k, &p->k_out);
    if (status == GYRE_OK && !p->k.is_present && p->k_out.is_present)
        status = gyre_fail(log, GYRE_INVALID, "rope: k_out without k");
    return status;
}

enum gyre_status gyre_rope_check(const struct gyre_check *check,
                                 const struct gyre_rope_params *params,
                                 struct gyre_rope_problem *problem)
{
    const struct gyre_log *log = &check->device->log;
    if (params == NULL || params->table == NULL)
        return gyre_fail(log, GYRE_INVALID, "rope: params or table is NULL");
    if (params->table->device != check->device)
        return gyre_fail(log, GYRE_INVALID, "rope: table of another device");
    if ((unsigned)params->direction > GYRE_ROPE_ADD_SINUSOIDS)
        return gyre_fail(log, GYRE_INVALID, "rope: direction %d", (int)params->direction);
    *problem = (struct gyre_rope_problem){
        .table = params->table, .start = params->start, .direction = params->direction};
    enum gyre_status status = check_heads_of_all(check, params, problem);
    if (status == GYRE_OK)
        status = check_positions(check, &params->positions, problem);
    if (status == GYRE_OK)
        status = check_cache(check, params, problem);
    if (status == GYRE_OK)
        status = check_overlap(check, problem);
    return status;
}
