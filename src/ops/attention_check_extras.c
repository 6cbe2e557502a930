// SPDX-License-Identifier: MIT
// Checks of what an attention may have beyond queries, keys and values.
#include "ops/attention.h"

#include "log.h"
#include "ops/rope_table.h"

// What is given by sequence or by head: (1, 1, 1, n).
static enum gyre_status check_lists(const struct gyre_check *check,
                                    const struct gyre_attention_problem *p)
{
    const struct gyre_axis_rule lists[] = {
        {"q_starts", &p->starts, 3, p->n_batch, "the batch"},
        {"kv_lens", &p->lens, 3, p->n_batch, "the batch"},
        {"cu_q_lens", &p->q_firsts, 3, p->n_batch + 1, "the batch and one"},
        {"cu_kv_lens", &p->k_firsts, 3, p->n_batch + 1, "the batch and one"},
        {"alibi_slopes", &p->slopes, 3, p->n_heads, "q's heads"},
        {"sinks", &p->sinks, 3, p->n_heads, "q's heads"},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists) && status == GYRE_OK; i++) {
        struct gyre_axis_rule rules[4] = {lists[i]};
        for (int axis = 0; axis < 3; axis++)
            rules[axis + 1] =
                (struct gyre_axis_rule){lists[i].name, lists[i].view, axis, 1, "its length"};
        status = gyre_view_check_rules(check, rules, 4);
    }
    return status;
}

// A length that may also be 1, which repeats.
static uint32_t or_one(const struct gyre_view *view, int axis, uint32_t length)
{
    return view->shape[axis] == 1 ? 1 : length;
}

static enum gyre_status check_keys(const struct gyre_check *check,
                                   const struct gyre_attention_problem *p)
{
    const struct gyre_view *positions = &p->k_positions, *relative = &p->relative;
    const struct gyre_axis_rule rules[] = {
        {"k_positions", positions, 0, 1, "its length"},
        {"k_positions", positions, 1, 1, "its length"},
        {"k_positions", positions, 2, or_one(positions, 2, p->k.shape[0]), "k's batch"},
        {"k_positions", positions, 3, p->k.shape[1], "k's tokens"},
        {"relative_keys", relative, 0, 1, "its length"},
        {"relative_keys", relative, 2, or_one(relative, 2, p->n_kv_heads), "k's heads"},
        {"relative_keys", relative, 3, p->head_dim, "q's head_dim"},
    };
    const struct gyre_log *log = &check->device->log;
    if (relative->is_present && relative->shape[1] % 2 == 0)
        return gyre_fail(log, GYRE_INVALID, "attention: relative_keys: %u is no odd number",
                         relative->shape[1]);
    return gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
}

static enum gyre_status check_second(const struct gyre_check *check,
                                     struct gyre_attention_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    const struct gyre_axis_rule rules[] = {
        {"q2", &p->q2, 0, p->q.shape[0], "q's batch"},
        {"q2", &p->q2, 1, p->q.shape[1], "q's tokens"},
        {"q2", &p->q2, 2, p->n_heads, "q's heads"},
        {"k2", &p->k2, 0, p->k.shape[0], "k's batch"},
        {"k2", &p->k2, 1, p->k.shape[1], "k's tokens"},
        {"k2", &p->k2, 3, p->q2.shape[3], "q2's head_dim"},
    };
    if (p->q2.is_present != p->k2.is_present)
        return gyre_fail(log, GYRE_INVALID, "attention: q2 without k2, or k2 without q2");
    if (!p->q2.is_present)
        return GYRE_OK;
    enum gyre_status status = gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
    if (status != GYRE_OK)
        return status;
    if (p->q2.dtype != p->q.dtype || p->k2.dtype != p->k.dtype)
        return gyre_fail(log, GYRE_INVALID, "attention: q2 or k2 is not of the first part's dtype");
    if (p->q2.shape[3] == 0)
        return gyre_fail(log, GYRE_INVALID, "attention: q2: head_dim is 0");
    if (p->n_kv_heads != 0 && (p->k2.shape[2] == 0 || p->n_kv_heads % p->k2.shape[2] != 0))
        return gyre_fail(log, GYRE_INVALID, "attention: %u heads of k2 do not divide %u of k",
                         p->k2.shape[2], p->n_kv_heads);
    p->dim2 = p->q2.shape[3];
    p->head_dim += p->dim2;
    return GYRE_OK;
}

// Coordinates (1, axis, batch, token) of q or k.
static enum gyre_status check_coords(const struct gyre_check *check, const char *name,
                                     const struct gyre_attention_problem *p, bool rotates,
                                     const struct gyre_view *coords, const struct gyre_view *like)
{
    const uint32_t n_axes = p->rope != NULL ? p->rope->facts.n_axes : 1;
    const struct gyre_axis_rule rules[] = {
        {name, coords, 0, 1, "its length"},
        {name, coords, 1, or_one(coords, 1, n_axes), "the table's axes"},
        {name, coords, 2, or_one(coords, 2, like->shape[0]), "the batch"},
        {name, coords, 3, like->shape[1], "the tokens"},
    };
    const struct gyre_log *log = &check->device->log;
    if (coords->is_present && !rotates)
        return gyre_fail(log, GYRE_INVALID, "attention: %s of what is not rotated", name);
    if (!coords->is_present && rotates && n_axes > 1)
        return gyre_fail(log, GYRE_INVALID, "attention: %s: absent, the table has %u axes", name,
                         n_axes);
    return gyre_view_check_rules(check, rules, sizeof(rules) / sizeof(*rules));
}

static enum gyre_status check_rope(const struct gyre_check *check,
                                   const struct gyre_attention_params *params,
                                   struct gyre_attention_problem *p)
{
    const struct gyre_log *log = &check->device->log;
    const uint32_t dim = p->dim2 != 0 ? p->dim2 : p->head_dim;
    p->rope = params->rope;
    p->rotates_q = params->rotates_q;
    p->rotates_k = params->rotates_k;
    if ((p->rope != NULL) != (p->rotates_q || p->rotates_k))
        return gyre_fail(log, GYRE_INVALID,
                         p->rope != NULL ? "attention: rope, but neither q nor k is rotated"
                                         : "attention: rotates_q or rotates_k without rope");
    if (p->rope != NULL && p->rope->device != check->device)
        return gyre_fail(log, GYRE_INVALID, "attention: rope: table of another device");
    if (p->rope != NULL && p->rope->head_dim != dim)
        return gyre_fail(log, GYRE_INVALID, "attention: rope: head_dim %u, what it rotates has %u",
                         p->rope->head_dim, dim);
    enum gyre_status status = check_coords(check, "q_coords", p, p->rotates_q, &p->q_coords, &p->q);
    if (status == GYRE_OK)
        status = check_coords(check, "k_coords", p, p->rotates_k, &p->k_coords, &p->k);
    return status;
}

// Results that lie in scratch meanwhile have strides of 32 bits.
static enum gyre_status check_scratch(const struct gyre_check *check,
                                      const struct gyre_attention_problem *p)
{
    const uint64_t n_rows = (uint64_t)p->n_heads * p->q.shape[1];
    const uint64_t n_each = p->relative.is_present ? p->relative.shape[1] : 1;
    if (n_rows > UINT32_MAX / n_each && (p->relative.is_present || p->key_sums.is_present))
        return gyre_fail(&check->device->log, GYRE_UNSUPPORTED,
                         "attention: %u queries of %u heads by %llu are beyond 2^32", p->q.shape[1],
                         p->n_heads, (unsigned long long)n_each);
    return GYRE_OK;
}

enum gyre_status gyre_attention_check_extras(const struct gyre_check *check,
                                             const struct gyre_attention_params *params,
                                             struct gyre_attention_problem *p)
{
    enum gyre_status status = check_lists(check, p);
    if (status == GYRE_OK)
        status = check_keys(check, p);
    if (status == GYRE_OK)
        status = check_second(check, p);
    if (status == GYRE_OK)
        status = check_rope(check, params, p);
    if (status == GYRE_OK)
        status = check_scratch(check, p);
    if (status == GYRE_OK && p->relative.is_present && (p->rope != NULL || p->dim2 != 0))
        status = gyre_fail(&check->device->log, GYRE_INVALID,
                           "attention: relative_keys with rope or a second part");
    return status;
}
