// SPDX-License-Identifier: MIT
#include "log.h"
#include "ops/arith.h"
#include "ops/linear_attention.h"
#include "ops/rope_table.h"

enum { N_TENSORS = 8, N_OUTPUTS = 3 };

static enum gyre_status check_views(const struct gyre_check *check,
                                    const struct gyre_linear_attention_params *params,
                                    struct gyre_linear_problem *p)
{
    const struct {
        const char *name;
        const struct gyre_tensor *tensor;
        unsigned dtypes;
        enum gyre_access access;
        struct gyre_view *view;
    } tensors[N_TENSORS] = {
        {"q", &params->q, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->q},
        {"k", &params->k, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->k},
        {"v", &params->v, GYRE_DTYPES_FLOAT, GYRE_INPUT, &p->v},
        {"out", &params->out, GYRE_DTYPES_FLOAT, GYRE_OUTPUT, &p->out},
        {"state", &params->state, GYRE_DTYPES_F32, GYRE_OUTPUT, &p->state},
        {"norm", &params->norm, GYRE_DTYPES_F32, GYRE_OUTPUT, &p->norm},
        {"past_state", &params->past_state, GYRE_DTYPES_F32, GYRE_INPUT, &p->past_state},
        {"past_norm", &params->past_norm, GYRE_DTYPES_F32, GYRE_INPUT, &p->past_norm},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < N_TENSORS && status == GYRE_OK; i++)
        status = gyre_view_check(check, tensors[i].name, tensors[i].tensor, tensors[i].dtypes,
                                 tensors[i].access, tensors[i].view);
    return status;
}

static enum gyre_status check_presence(const struct gyre_check *check,
                                       const struct gyre_linear_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    if (!p->k.is_present || !p->v.is_present)
        return gyre_fail(log, GYRE_INVALID, "linear attention: k or v is absent");
    if (p->q.is_present != p->out.is_present)
        return gyre_fail(log, GYRE_INVALID, "linear attention: one of q and out is absent");
    if (p->state.is_present != p->norm.is_present)
        return gyre_fail(log, GYRE_INVALID, "linear attention: one of state and norm is absent");
    if (p->past_state.is_present != p->past_norm.is_present)
        return gyre_fail(log, GYRE_INVALID,
                         "linear attention: one of past_state and past_norm is absent");
    if (!p->out.is_present && !p->state.is_present)
        return gyre_fail(log, GYRE_INVALID, "linear attention: out and state are both absent");
    return GYRE_OK;
}

static void read_sizes(struct gyre_linear_problem *p)
{
    p->n_batch = p->k.shape[0];
    p->kv_len = p->k.shape[1];
    p->n_kv_heads = p->k.shape[2];
    p->head_dim = p->k.shape[3];
    p->v_dim = p->v.shape[3];
    p->q_len = p->q.is_present ? p->q.shape[1] : 0;
    p->n_heads = p->q.is_present ? p->q.shape[2] : p->n_kv_heads;
    p->has_out = p->out.extent != 0;
    p->has_state = p->norm.extent != 0;
    p->has_past = p->past_norm.is_present;
}

static enum gyre_status check_axes(const struct gyre_check *check,
                                   const struct gyre_linear_problem *p)
{
    const struct gyre_axis_rule rules[] = {
        {"v", &p->v, 0, p->n_batch, "k's batch"},      {"v", &p->v, 1, p->kv_len, "k's tokens"},
        {"v", &p->v, 2, p->n_kv_heads, "k's heads"},   {"q", &p->q, 0, p->n_batch, "k's batch"},
        {"q", &p->q, 3, p->head_dim, "k's head_dim"},  {"out", &p->out, 0, p->n_batch, "k's batch"},
        {"out", &p->out, 1, p->q_len, "q's tokens"},   {"out", &p->out, 2, p->n_heads, "q's heads"},
        {"out", &p->out, 3, p->v_dim, "v's head_dim"},
    };
    return gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
}

static enum gyre_status check_sums(const struct gyre_check *check, const char *const names[2],
                                   const struct gyre_view *state, const struct gyre_view *norm,
                                   const struct gyre_linear_problem *p)
{
    const struct gyre_axis_rule rules[] = {
        {names[0], state, 0, p->n_batch, "k's batch"},
        {names[0], state, 1, p->n_kv_heads, "k's heads"},
        {names[0], state, 2, p->head_dim, "k's head_dim"},
        {names[0], state, 3, p->v_dim, "v's head_dim"},
        {names[1], norm, 0, p->n_batch, "k's batch"},
        {names[1], norm, 1, p->n_kv_heads, "k's heads"},
        {names[1], norm, 2, p->head_dim, "k's head_dim"},
        {names[1], norm, 3, 1, "its length"},
    };
    return gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
}

static enum gyre_status check_sizes(const struct gyre_check *check,
                                    const struct gyre_linear_problem *p)
{
    static const char *const names[] = {"state", "norm"};
    static const char *const past_names[] = {"past_state", "past_norm"};
    const struct gyre_log *log = &check->device->log;
    enum gyre_status status = check_axes(check, p);
    if (status == GYRE_OK)
        status = check_sums(check, names, &p->state, &p->norm, p);
    if (status == GYRE_OK)
        status = check_sums(check, past_names, &p->past_state, &p->past_norm, p);
    if (status != GYRE_OK)
        return status;
    if (p->head_dim == 0)
        return gyre_fail(log, GYRE_INVALID, "linear attention: k: head_dim is 0");
    if (p->n_heads != 0 && (p->n_kv_heads == 0 || p->n_heads % p->n_kv_heads != 0))
        return gyre_fail(log, GYRE_INVALID, "linear attention: %u heads of k do not divide %u of q",
                         p->n_kv_heads, p->n_heads);
    uint64_t group = p->n_heads != 0 ? p->n_heads / p->n_kv_heads : 0;
    uint64_t n_heads = max_u32(p->n_heads, p->n_kv_heads); // q may have none
    if (p->q_len * group > UINT32_MAX || n_heads * p->n_batch > UINT32_MAX)
        return gyre_fail(log, GYRE_UNSUPPORTED,
                         "linear attention: more than 2^32 - 1 rows or heads");
    return GYRE_OK;
}

static enum gyre_status check_rope(const struct gyre_check *check,
                                   const struct gyre_linear_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    if (p->rope == NULL)
        return GYRE_OK;
    if (p->rope->device != check->device)
        return gyre_fail(log, GYRE_INVALID, "linear attention: rope: table of another device");
    if (p->rope->head_dim != p->head_dim)
        return gyre_fail(log, GYRE_INVALID,
                         "linear attention: rope: head_dim of the table is %u, k's is %u",
                         p->rope->head_dim, p->head_dim);
    return GYRE_OK;
}

static bool are_positions(int64_t first, uint32_t n)
{
    return first >= INT32_MIN && first + n <= (int64_t)INT32_MAX + 1;
}

static enum gyre_status read_positions(const struct gyre_check *check,
                                       const struct gyre_linear_attention_params *params,
                                       struct gyre_linear_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    int64_t q_start = params->q_start, k_start = params->k_start;
    if ((unsigned)params->align > GYRE_ALIGN_END)
        return gyre_fail(log, GYRE_INVALID, "linear attention: align %d", (int)params->align);
    if (params->align == GYRE_ALIGN_END)
        q_start += k_start + p->kv_len - p->q_len;
    if (!are_positions(q_start, p->q_len) || !are_positions(k_start, p->kv_len))
        return gyre_fail(log, GYRE_INVALID,
                         "linear attention: positions from %lld or %lld on beyond 32 bits",
                         (long long)q_start, (long long)k_start);
    // Further off, nothing changes.
    int64_t shift = q_start - k_start, least = -(int64_t)p->q_len, most = p->kv_len;
    p->is_causal = params->is_causal && shift < most - 1;
    p->shift = (int32_t)(shift < least ? least : shift > most ? most : shift);
    p->q_start = (int32_t)(uint32_t)q_start;
    p->k_start = (int32_t)(uint32_t)k_start;
    return GYRE_OK;
}

static enum gyre_status check_overlap(const struct gyre_check *check,
                                      const struct gyre_linear_problem *p)
{
    const struct {
        const char *name;
        const struct gyre_view *view, *may_be;
    } tensors[N_TENSORS] = {
        {"out", &p->out, NULL},
        {"state", &p->state, &p->past_state},
        {"norm", &p->norm, &p->past_norm},
        {"q", &p->q, NULL},
        {"k", &p->k, NULL},
        {"v", &p->v, NULL},
        {"past_state", &p->past_state, NULL},
        {"past_norm", &p->past_norm, NULL},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < N_OUTPUTS; i++)
        for (size_t j = i + 1; j < N_TENSORS && status == GYRE_OK; j++)
            if (tensors[j].view != tensors[i].may_be ||
                !gyre_view_is_same(tensors[i].view, tensors[j].view))
                status = gyre_view_check_disjoint(check, tensors[i].name, tensors[i].view,
                                                  tensors[j].name, tensors[j].view);
    return status;
}

enum gyre_status gyre_linear_check(const struct gyre_check *check,
                                   const struct gyre_linear_attention_params *params,
                                   struct gyre_linear_problem *problem)
{
    *problem = (struct gyre_linear_problem){0};
    if (params == NULL)
        return gyre_fail(&check->device->log, GYRE_INVALID, "linear attention: params is NULL");
    problem->rope = params->rope;
    enum gyre_status status = check_views(check, params, problem);
    if (status == GYRE_OK)
        status = check_presence(check, problem);
    if (status != GYRE_OK)
        return status;
    read_sizes(problem);
    status = check_sizes(check, problem);
    if (status == GYRE_OK)
        status = check_rope(check, problem);
    if (status == GYRE_OK)
        status = read_positions(check, params, problem);
    if (status == GYRE_OK)
        status = check_overlap(check, problem);
    return status;
}
